"""The one place where `StrictEc2` is hung into moto, and taken out again.

Three seams: `InstanceBackend` (checks before anything changes, lazy transitions before anything is read), `Instance`
(begin a transition instead of jumping to its end) and `InstanceResponse` (moto always answers the same CurrentState).
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.amis import AmiBackend
from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS
from moto.ec2.models.instances import Instance, InstanceBackend, InstanceState, Reservation
from moto.ec2.responses.instances import InstanceResponse

from local.aws.core.seam import replaced
from local.aws.ec2.images import load_images
from local.aws.ec2.instances import StrictEc2
from local.aws.ec2.lifecycle import Action, State, state_after

_METHODS = {
    Action.START: ("start", "start_instances"),
    Action.STOP: ("stop", "stop_instances"),
    Action.TERMINATE: ("terminate", "terminate_instances"),
    Action.REBOOT: ("reboot", "reboot_instances"),
}
_ONLY_WHEN_STOPPED = {"instance_type", "user_data", "kernel", "ramdisk", "ebs_optimized"}


@contextmanager
def installed(strict: StrictEc2) -> Iterator[None]:
    """Make moto's EC2 strict for as long as the context lasts."""
    with ExitStack() as undo:
        for action, (one, many) in _METHODS.items():
            undo.enter_context(replaced(Instance, one, _begin(strict, action)))
            undo.enter_context(replaced(InstanceBackend, many, _checked(strict, action, many)))
            if action is not Action.REBOOT:  # RebootInstances answers no states
                undo.enter_context(replaced(InstanceResponse, many, _truthful(action, many)))
        undo.enter_context(replaced(InstanceBackend, "run_instances", _run(strict)))
        undo.enter_context(replaced(InstanceBackend, "modify_instance_attribute", _modify(strict)))
        undo.enter_context(replaced(InstanceBackend, "all_reservations", _settled(strict)))
        undo.enter_context(replaced(AmiBackend, "_load_amis", load_images))
        yield


def _begin(strict: StrictEc2, action: Action) -> Callable[..., Any]:
    def begin(instance: Instance) -> InstanceState:
        return strict.begin(action, instance)

    return begin


def _checked(strict: StrictEc2, action: Action, name: str) -> Callable[..., Any]:
    original = getattr(InstanceBackend, name)

    def checked(backend: Any, instance_ids: list[str]) -> Any:
        with strict.lock:
            strict.check(action, backend.get_multi_instances_by_id(instance_ids))
            return original(backend, instance_ids)

    return checked


def _truthful(action: Action, name: str) -> Callable[..., Any]:
    original = getattr(InstanceResponse, name)

    def truthful(response: Any) -> ActionResult:
        answer: ActionResult = original(response)
        result: Any = answer.result
        (changes,) = result.values()
        for change in changes:
            becomes = state_after(action, State(change["PreviousState"].name), change["InstanceId"])
            change["CurrentState"] = {"Code": becomes.code, "Name": becomes.value}
        return answer

    return truthful


def _run(strict: StrictEc2) -> Callable[..., Any]:
    original = InstanceBackend.run_instances

    def run(backend: Any, *args: Any, **kwargs: Any) -> Reservation:
        instance_type = kwargs["instance_type"]
        if not kwargs.get("is_instance_type_default") and not _offered(instance_type, backend.region_name):
            raise EC2ClientError("InvalidParameterValue", f"Invalid value '{instance_type}' for InstanceType.")
        with strict.lock:  # nobody may see the instance `running` before its first `pending`
            reservation = original(backend, *args, **kwargs)
            for instance in reservation.instances:
                instance.user_data = (
                    instance.user_data if str(instance.user_data or "") else None
                )  # as AWS, no empty text
            strict.launched(reservation.instances)
            return reservation

    return run


def _modify(strict: StrictEc2) -> Callable[..., Any]:
    original = InstanceBackend.modify_instance_attribute

    def modify(backend: Any, instance_id: str, key: str, value: Any) -> Instance:
        with strict.lock:
            instance = backend.get_instance(instance_id)
            if key == "instance_type" and not _offered(value, backend.region_name):
                raise EC2ClientError("InvalidInstanceAttributeValue", f"Invalid value '{value}' for InstanceType.")
            if key in _ONLY_WHEN_STOPPED:
                strict.check_modifiable(instance)
            return original(backend, instance_id, key, value)

    return modify


def _settled(strict: StrictEc2) -> Callable[..., Any]:
    original = InstanceBackend.all_reservations

    def settled(backend: Any, filters: Any = None) -> list[Reservation]:
        with strict.lock:
            strict.settle()
            return original(backend, filters)

    return settled


def _offered(instance_type: str, region: str) -> bool:
    offerings = INSTANCE_TYPE_OFFERINGS["region"].get(region, [])
    return any(offering["InstanceType"] == instance_type for offering in offerings)
