"""What moto reads while it is imported and whenever it is asked, here read once, or only when somebody asks for it.

Imported before anything of moto's EC2; whoever imports that sooner in another way waits longer, that is all. As it is,
moto reads boto3's model of a service (EC2's has 4 MB) for its regions, then again through a loader of its own, and in
ninety files which instance types are offered where; and with each call twice the folder of its services, and every
member of the class that answers.
"""

import functools
import importlib
import inspect
import os
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

import boto3
import botocore.session
import moto.backends
import moto.core.utils
from botocore.regions import EndpointResolver
from moto.core.base_backend import AccountSpecificBackend
from moto.core.loaders import Loader, create_loader
from moto.utilities.utils import load_resource

from local.aws.core.seam import replaced

_OFFERS = "ec2/resources/instance_type_offerings"


@functools.cache
def _session() -> boto3.Session:
    """The session that moto asks: it finds what moto has read, and the other way round."""
    core = botocore.session.get_session()
    core.register_component("data_loader", _loader())
    return boto3.Session(botocore_session=core)


@functools.cache
def _loader() -> Loader:
    return create_loader()


@functools.cache
def _endpoints() -> EndpointResolver:
    return EndpointResolver(_loader().load_data("endpoints"))


def _regions_of_ec2(_asked: Any, service: str, partition_name: str = "aws") -> list[str]:
    """What boto3 would say after it has read EC2's model, only to learn that its endpoints are named `ec2`, too."""
    return list(_endpoints().get_available_endpoints(service, partition_name))


class _Offers(Mapping[str, list[dict[str, str]]]):
    """Which instance types a region has; `kind` is that of the places: `region`, `availability-zone`, its id."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        found = files("moto").joinpath(_OFFERS, kind).iterdir()
        self._files = {file.name.split(".")[0]: f"{_OFFERS}/{kind}/{file.name}" for file in found}
        self._read: dict[str, list[dict[str, str]]] = {}

    def __getitem__(self, region: str) -> list[dict[str, str]]:
        if region not in self._read:
            offers = load_resource(self._files[region])
            self._read[region] = [offer | {"LocationType": self._kind} for offer in offers]
        return self._read[region]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


class _Methods:
    """The names of a class's methods, each looked for when it is asked for: some come and go (`seam.replaced`)."""

    def __init__(self, of: type) -> None:
        self._of = of

    def __contains__(self, name: str) -> bool:
        return inspect.isfunction(getattr(self._of, name, None))


@functools.cache
def _services() -> frozenset[str]:
    return frozenset(_list_services())


def _listed(path: Any) -> list[str]:
    return [] if str(path).endswith(_OFFERS) else _list(path)


_list, _list_services = os.listdir, moto.backends.list_of_moto_modules
vars(moto.backends)["list_of_moto_modules"] = _services
vars(moto.core.utils)["create_loader"] = _loader
AccountSpecificBackend.get_session = _session  # type: ignore[method-assign]  # a class method there
with replaced(boto3.Session, "get_available_regions", _regions_of_ec2), replaced(os, "listdir", _listed):
    importlib.import_module("moto.ec2.models")
_kinds = files("moto").joinpath(_OFFERS).iterdir()
importlib.import_module("moto.ec2.models.instance_types").INSTANCE_TYPE_OFFERINGS.update(
    {kind.name: _Offers(kind.name) for kind in _kinds}
)
vars(importlib.import_module("moto.core.responses"))["method_names_from_class"] = _Methods
