"""Imports moto's EC2 sooner; whoever is first to import it in another way waits longer, that is all.

It asks boto3 for EC2's regions three times while it is imported, each time through a session of its own, which reads
EC2's API model anew: 8 MB of JSON. Here all three are moto's one session, which it later asks of every service.
"""

import importlib
from typing import Any

from boto3 import Session
from moto.core.base_backend import AccountSpecificBackend

from local.aws.core.seam import replaced


def _regions(_session: Session, *args: Any, **kwargs: Any) -> list[str]:
    return _of_all(*args, **kwargs)


_of_all = AccountSpecificBackend.get_session().get_available_regions
with replaced(Session, "get_available_regions", _regions):
    importlib.import_module("moto.ec2.models")
