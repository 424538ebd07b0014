"""The state machine against a reference model that fits on a page, under any order of calls and any passing of time."""

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import ec2_backends
from moto.moto_api._internal.models import moto_api_backend

from local.aws.core.clock import Delays
from local.aws.ec2.events import Event
from local.aws.ec2.images import UBUNTU_22_04
from local.aws.ec2.instances import StrictEc2
from local.aws.ec2.seam import installed

BOOT_S, STOP_S = 5, 2
TIMED = {"pending": ("running", BOOT_S), "stopping": ("stopped", STOP_S), "shutting-down": ("terminated", STOP_S)}


class Instances(RuleBasedStateMachine):
    """One instance, twice: in the strict EC2, and as (state, seconds left)."""

    @initialize()
    def launch(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.strict = StrictEc2(lambda: self.now, Delays(boot_s=BOOT_S, stop_s=STOP_S))
        self.events: list[Event] = []
        self.strict.subscribers.append(self.events.append)
        self.undo = ExitStack()
        self.undo.enter_context(installed(self.strict))
        moto_api_backend.reset()
        self.undo.callback(moto_api_backend.reset)
        self.backend = ec2_backends["123456789012"]["eu-central-1"]
        reservation = self.backend.run_instances(
            UBUNTU_22_04, 1, None, [], instance_type="t3.small", is_instance_type_default=False
        )
        self.id = reservation.instances[0].id
        self.type = "t3.small"
        self.history: list[str] = []
        self.enter("pending")

    def enter(self, state: str) -> None:
        self.state, self.left = state, TIMED.get(state, ("", 0))[1]
        self.history.append(state)
        if state in {"pending", "stopped", "terminated"}:
            self.address = state == "pending"

    def expect(self, *, allowed: bool, act: object) -> None:
        assert callable(act)
        if allowed:
            act()
            return
        with pytest.raises(EC2ClientError) as caught:
            act()
        assert caught.value.code == "IncorrectInstanceState"

    @rule()
    def start(self) -> None:
        allowed = self.state in {"stopped", "pending", "running"}
        self.expect(allowed=allowed, act=lambda: self.backend.start_instances([self.id]))
        if self.state == "stopped":
            self.enter("pending")

    @rule()
    def stop(self) -> None:
        allowed = self.state in {"running", "stopping", "stopped"}
        self.expect(allowed=allowed, act=lambda: self.backend.stop_instances([self.id]))
        if self.state == "running":
            self.enter("stopping")

    @rule()
    def terminate(self) -> None:
        self.backend.terminate_instances([self.id])
        if self.state not in {"shutting-down", "terminated"}:
            self.enter("shutting-down")

    @rule(wanted=st.sampled_from(["t3.small", "g4dn.xlarge"]))
    def resize(self, wanted: str) -> None:
        allowed = self.state == "stopped"
        modify = self.backend.modify_instance_attribute
        self.expect(allowed=allowed, act=lambda: modify(self.id, "instance_type", wanted))
        if allowed:
            self.type = wanted

    @rule(seconds=st.integers(min_value=1, max_value=6))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.left -= seconds
        if self.state in TIMED and self.left <= 0:
            self.enter(TIMED[self.state][0])

    @invariant()
    def both_agree(self) -> None:
        instance = self.backend.get_instance(self.id)
        assert (instance.state, instance.instance_type) == (self.state, self.type)
        assert bool(instance.public_ip) == self.address

    @invariant()
    def every_change_was_told_once_and_in_order(self) -> None:
        self.strict.tick()
        assert [event["detail"]["state"] for event in self.events] == self.history  # type: ignore[index]

    def teardown(self) -> None:
        if hasattr(self, "undo"):
            self.undo.close()


TestInstances = Instances.TestCase
TestInstances.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def test_moto_is_as_lenient_as_before_once_the_seam_is_taken_out() -> None:
    moto_api_backend.reset()
    backend = ec2_backends["123456789012"]["eu-central-1"]
    with installed(StrictEc2()):
        pass
    reservation = backend.run_instances(
        UBUNTU_22_04, 1, None, [], instance_type="t3.small", is_instance_type_default=False
    )

    backend.modify_instance_attribute(reservation.instances[0].id, "instance_type", "g4dn.xlarge")

    assert reservation.instances[0].state == "running"
    moto_api_backend.reset()
