"""A trail of CloudTrail is deleted by its name or ARN, and one that does not exist is an error."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.cloudtrail.models import CloudTrailBackend

from local.aws.core.seam import replaced


@contextmanager
def installed() -> Iterator[None]:
    """Delete trails for as long as the context lasts; moto ignores an ARN."""

    def delete_trail(backend: Any, name: str) -> None:
        del backend.trails[backend.get_trail(name).trail_name]

    with replaced(CloudTrailBackend, "delete_trail", delete_trail):
        yield
