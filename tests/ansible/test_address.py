"""The module `tl_address` on the strict local AWS."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from botocore.exceptions import ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from library import tl_address
from tests.ansible.conftest import Cloud
from tinyllama.adapters.ec2_address import NodeAddress
from tinyllama.adapters.ec2_node import Ec2Nodes
from tinyllama.domain.address import Address, AddressError, AddressState, AddressStep, Seen, plan
from tinyllama.domain.node import NODE_TAGS

Module = Callable[..., dict[str, Any]]
OURS = dict(NODE_TAGS)
WRITES = ["AllocateAddress", "AssociateAddress", "DisassociateAddress", "ReleaseAddress"]


@pytest.fixture
def module(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> Module:
    def run(*, check: bool = False, **options: Any) -> dict[str, Any]:
        capsys.readouterr()
        with (
            patch_module_args({**options, "_ansible_check_mode": check, "_ansible_diff": True}),
            pytest.raises(SystemExit),
        ):
            tl_address.main()
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return run


def allocate(cloud: Cloud, **tags: str) -> str:
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    specification = [{"ResourceType": "elastic-ip", "Tags": listed}] if tags else []
    made = cloud.ec2.allocate_address(Domain="vpc", TagSpecifications=specification)["AllocationId"]
    cloud.aws.clear()
    return str(made)


def attach(cloud: Cloud, address: str, instance: str) -> None:
    cloud.ec2.associate_address(AllocationId=address, InstanceId=instance)
    cloud.aws.clear()


def holders(cloud: Cloud) -> dict[str, str]:
    """Which instance has which address."""
    return {one["AllocationId"]: one.get("InstanceId") or "" for one in cloud.ec2.describe_addresses()["Addresses"]}


@pytest.mark.parametrize(
    ("before", "options", "writes", "after"),
    [
        ("detached", {"state": "attached"}, ["AssociateAddress"], "attached"),
        ("absent", {"state": "attached", "allocate": True}, ["AllocateAddress", "AssociateAddress"], "attached"),
        ("attached", {"state": "detached"}, ["DisassociateAddress"], "detached"),
        ("attached", {"state": "released"}, ["DisassociateAddress", "ReleaseAddress"], "absent"),
        ("detached", {"state": "released"}, ["ReleaseAddress"], "absent"),
    ],
)
def test_check_do_check_do_is_changed_changed_ok_ok(
    cloud: Cloud, module: Module, before: str, options: dict[str, Any], writes: list[str], after: str
) -> None:
    if before != "absent":
        address = allocate(cloud, **OURS)
        if before == "attached":
            attach(cloud, address, cloud.node_id)
    predicted = module(check=True, **options)
    assert cloud.writes() == []
    done = module(**options)
    assert cloud.writes() == writes
    cloud.aws.clear()
    again = [module(check=True, **options), module(**options)]
    assert cloud.writes() == []
    assert [answer["changed"] for answer in (predicted, done, *again)] == [True, True, False, False]
    varying = {"invocation": 0, **({"address": 0, "allocation_id": 0} if before == "absent" else {})}
    assert predicted | varying == done | varying
    assert (done["before"]["state"], done["after"]["state"], again[1]["before"]) == (before, after, done["after"])
    assert predicted["diff"] == done["diff"]


@pytest.mark.parametrize("state", ["attached", "detached", "released", "look"])
def test_where_the_option_is_off_nothing_is_allocated(cloud: Cloud, module: Module, state: str) -> None:
    answer = module(state=state)
    assert (answer["changed"], answer["after"]["state"], answer["after"]["eur_per_hour"]) == (False, "absent", "0")
    assert (cloud.writes(), holders(cloud)) == ([], {})


@pytest.mark.parametrize("tags", [{}, {"Project": "tinyllama"}, {"Project": "other", "Role": "gpu-node"}])
def test_an_address_that_is_not_ours_is_not_touched(cloud: Cloud, module: Module, tags: dict[str, str]) -> None:
    foreign = allocate(cloud, **tags)
    for state in ("attached", "detached", "released"):
        assert not module(state=state)["changed"]
    attach(cloud, foreign, cloud.node_id)
    allocate(cloud, **OURS)
    answer = module(state="attached")
    assert "which is not ours and would be taken off it. Nothing was touched" in answer["msg"]
    assert (answer["restored"], cloud.writes(), holders(cloud)[foreign]) == (None, [], cloud.node_id)


def test_two_of_ours_and_one_that_somebody_moved_are_refused(cloud: Cloud, module: Module) -> None:
    first, second = allocate(cloud, **OURS), allocate(cloud, **OURS)
    assert f"{second})" in module(state="attached")["msg"]
    cloud.ec2.release_address(AllocationId=second)
    other = cloud.ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    cloud.ec2.get_waiter("instance_running").wait(InstanceIds=[other], WaiterConfig={"Delay": 0.1, "MaxAttempts": 50})
    attach(cloud, first, other)
    for state in ("attached", "released"):
        assert f"is attached to {other}, which is not the node" in module(state=state)["msg"]
    assert cloud.writes() == []


def test_a_running_node_keeps_its_address(cloud: Cloud, module: Module) -> None:
    attach(cloud, allocate(cloud, **OURS), cloud.node_id)
    cloud.bring_to("running")
    cloud.aws.clear()
    for state in ("detached", "released"):
        assert "Stop it first: playbooks/stop.yml" in module(state=state)["msg"]
    assert cloud.writes() == []
    assert module(state="attached")["changed"] is False


def test_another_instance_and_a_bad_state_are_refused(cloud: Cloud, module: Module) -> None:
    allocate(cloud, **OURS)
    assert "i-0 is no GPU node of ours" in module(state="attached", instance_id="i-0")["msg"]
    assert "value of state must be one of" in module(state="on")["msg"]
    assert cloud.writes() == []


@pytest.mark.parametrize("operation", WRITES)
def test_throttling_for_a_moment_is_survived(cloud: Cloud, module: Module, operation: str) -> None:
    cloud.aws.fail(f"ec2:{operation}", "RequestLimitExceeded", times=1, status=503)
    assert module(state="attached", allocate=True)["after"]["state"] == "attached"
    assert module(state="released")["after"]["state"] == "absent"
    assert holders(cloud) == {}


def test_a_failure_says_what_is_left_and_the_second_run_goes_on(cloud: Cloud, module: Module) -> None:
    cloud.aws.fail("ec2:AssociateAddress", "UnauthorizedOperation", times=1, status=403)
    failed = module(state="attached", allocate=True)
    assert "UnauthorizedOperation" in failed["msg"]
    assert failed["restored"] is False
    assert module(state="attached", allocate=True)["steps"][0]["action"] == "attach"
    assert list(holders(cloud).values()) == [cloud.node_id]


class LosesAnswers:
    """A client whose writes are accepted, and whose answers never arrive."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)

        def lost(**wanted: Any) -> Any:
            answer = call(**wanted)
            if name.startswith("describe"):
                return answer
            raise ReadTimeoutError(endpoint_url="ec2")

        return lost


def test_what_was_done_though_the_answer_was_lost_is_known_by_looking_and_not_done_twice(cloud: Cloud) -> None:
    deaf = LosesAnswers(cloud.ec2)
    control = NodeAddress(deaf, deaf, sleep=lambda _: pytest.fail("it waited"))
    nodes = Ec2Nodes(cloud.ec2).nodes()
    for wanted in (AddressState.ATTACHED, AddressState.ABSENT):
        end, steps = plan(control.look(nodes), wanted, allocate=True)
        control.carry_out(steps, cloud.node_id)
        assert end is wanted
        assert plan(control.look(nodes), wanted, allocate=True) == (wanted, ())
    assert cloud.writes() == WRITES


addresses = st.builds(
    Address, st.sampled_from(["a", "b"]), st.just("192.0.2.1"), st.sampled_from(["", "eipassoc-1"]), st.just("i-1")
)
states = st.sampled_from(AddressState)


@given(st.lists(addresses, max_size=2), st.lists(addresses, max_size=1), states, st.booleans(), st.booleans())
def test_a_plan_ends_where_it_says_and_allocates_only_when_asked(
    ours: list[Address], foreign: list[Address], wanted: AddressState, allocate: bool, runs: bool
) -> None:
    seen = Seen(ours, foreign, "i-1", node_runs=runs)
    try:
        end, steps = plan(seen, wanted, allocate=allocate)
    except AddressError:
        return
    after = _after(ours, steps)
    assert plan(Seen(after, foreign, "i-1", node_runs=False), wanted, allocate=allocate) == (end, ())
    assert allocate or "allocate" not in [step.action for step in steps]
    assert not (runs and {"detach"} & {step.action for step in steps})


def _after(ours: list[Address], steps: tuple[AddressStep, ...]) -> list[Address]:
    """What the steps make of it."""
    for step in steps:
        match step.action:
            case "allocate":
                ours = [Address("new", "192.0.2.2")]
            case "release":
                ours = []
            case "attach":
                ours = [Address(ours[0].id, ours[0].ip, "eipassoc-2", "i-1")]
            case _:
                ours = [Address(ours[0].id, ours[0].ip)]
    return ours
