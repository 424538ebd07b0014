"""Faults on demand: the next calls of an operation fail with a code, or take longer, or both."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from botocore.exceptions import UnknownServiceError
from moto.core.utils import get_service_model
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from local.aws.core.calls import Call
from local.aws.ec2.instances import instance_types

Enrich = Callable[[Call], Mapping[str, list[str]]]


class Fault(BaseModel):
    """What shall go wrong.

    `operation` is `service:Operation` as in IAM (`ec2:StartInstances`, `s3:PutObject`). `code` is AWS's error code;
    without one the call is only delayed by `delay_s` seconds. The next `times` matching calls are hit; null means all
    until cleared. `match` restricts it to calls whose parameters have these values. For EC2 calls on instances,
    `InstanceType` is the type of those instances.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    operation: str
    code: str | None = Field(default=None, min_length=1, max_length=100, pattern=r"^[A-Za-z0-9.]+$")
    times: int | None = Field(default=1, ge=1)
    match: dict[str, str] = Field(default_factory=dict)
    delay_s: float = Field(default=0, ge=0, le=60)
    status: int | None = Field(default=None, ge=400, le=599)
    message: str = Field(default="Injected by the local AWS.", max_length=1000)

    @field_validator("operation")
    @classmethod
    def _known(cls, value: str) -> str:
        service, _, operation = value.partition(":")
        try:
            names = get_service_model(service).operation_names
        except UnknownServiceError as error:
            raise ValueError(
                "allowed is service:Operation with a service of boto3, such as ec2:StartInstances"
            ) from error
        if operation not in names:
            raise ValueError(f"{service} has no operation {operation!r}; allowed is, for example, {service}:{names[0]}")
        return value

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.code is None and not self.delay_s:
            raise ValueError("a fault needs a code, a delay_s above 0, or both")
        return self


@dataclass
class _Armed:
    fault: Fault
    remaining: int | None


class FaultBox:
    """The faults that are armed. Of several that fit a call, the oldest one hits."""

    def __init__(self, enrich: Enrich | None = None) -> None:
        """Start with none; `enrich` adds parameters to match by that the request does not carry."""
        self._enrich = enrich or parameters
        self._armed: list[_Armed] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Arm a fault."""
        with self._lock:
            self._armed.append(_Armed(fault, fault.times))

    def take(self, call: Call) -> Fault | None:
        """Return the fault that hits this call, if any, and count it."""
        with self._lock:
            for armed in self._armed:
                if armed.fault.operation == call.name and self._matches(armed.fault, call):
                    return self._spend(armed)
        return None

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the armed faults with the calls still to hit as `remaining`, ready for JSON."""
        with self._lock:
            return [armed.fault.model_dump() | {"remaining": armed.remaining} for armed in self._armed]

    def clear(self) -> None:
        """Disarm all."""
        with self._lock:
            self._armed.clear()

    def _spend(self, armed: _Armed) -> Fault:
        if armed.remaining is not None:
            armed.remaining -= 1
            if not armed.remaining:
                self._armed.remove(armed)
        return armed.fault

    def _matches(self, fault: Fault, call: Call) -> bool:
        if not fault.match:
            return True
        params = self._enrich(call)
        return all(value in params.get(name, ()) for name, value in fault.match.items())


def parameters(call: Call) -> Mapping[str, list[str]]:
    """Return the parameters to match by; a call on instances is also known by their types."""
    if call.service != "ec2" or "InstanceId" not in call.params or "InstanceType" in call.params:
        return call.params
    return {**call.params, "InstanceType": instance_types(call.params["InstanceId"])}
