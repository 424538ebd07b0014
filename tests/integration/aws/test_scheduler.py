"""One-shot schedules of EventBridge Scheduler: what AWS refuses is refused, and what is accepted fires once."""

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.aws.seed import seed
from local.aws.server import StrictAws
from tests.integration.aws.instances import CLOCK, describe, launch, refused, wait_for

STOP = "arn:aws:scheduler:::aws-sdk:ec2:stopInstances"


@pytest.fixture
def role(aws: StrictAws) -> str:
    return seed(aws.url).lease_role_arn


def at(seconds: float) -> str:
    return f"at({CLOCK.now + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S})"


def schedule(role: str, expression: str, *instances: str, target: str = STOP, **more: Any) -> dict[str, Any]:
    return {
        "Name": "stop",
        "ScheduleExpression": expression,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": {"Arn": target, "RoleArn": role, "Input": json.dumps({"InstanceIds": instances})},
        **more,
    }


def running_instance(aws: StrictAws) -> str:
    instance_id = launch(aws.client("ec2"))
    wait_for(aws.client("ec2"), instance_id, "running")
    aws.clear()
    return instance_id


def stops(aws: StrictAws) -> int:
    return len(aws.calls("ec2", "StopInstances"))


class TestRefusals:
    @pytest.mark.parametrize(
        "expression",
        [
            "at(2030-01-01 00:00:00)",
            "at(2030-02-30T00:00:00)",
            "at(2030-01-01T00:00:00Z)",
            "at(2030-01-01T00:00)",
            "at(1900000000)",
            "at()",
            "2030-01-01T00:00:00",
            "rate(0 minutes)",
            "cron(0 8 * * ?)",
            "tomorrow",
        ],
    )
    def test_an_expression_in_a_bad_format(self, aws: StrictAws, role: str, expression: str) -> None:
        code, status, message = refused(aws.client("scheduler").create_schedule, **schedule(role, expression))
        assert (code, status) == ("ValidationException", 400)
        assert expression in message

    def test_a_time_in_the_past(self, aws: StrictAws, role: str) -> None:
        create = aws.client("scheduler").create_schedule
        assert refused(create, **schedule(role, at(-1)))[0] == "ValidationException"

    def test_a_time_zone_that_does_not_exist(self, aws: StrictAws, role: str) -> None:
        wanted = schedule(role, at(3_600), ScheduleExpressionTimezone="Europe/Nowhere")
        assert refused(aws.client("scheduler").create_schedule, **wanted)[0] == "ValidationException"

    @pytest.mark.parametrize(
        "target",
        ["ec2:stopInstance", "ec2:StopInstances", "ec2:describeInstances", "ec3:stopInstances", "ec2", "ec2:"],
    )
    def test_a_universal_target_that_is_no_call_or_only_reads(self, aws: StrictAws, role: str, target: str) -> None:
        wanted = schedule(role, at(3_600), target=f"arn:aws:scheduler:::aws-sdk:{target}")
        code, _, message = refused(aws.client("scheduler").create_schedule, **wanted)
        assert (code, "not a supported universal target" in message) == ("ValidationException", True)

    def test_a_role_that_does_not_exist_or_that_does_not_trust_the_scheduler(self, aws: StrictAws, role: str) -> None:
        trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        other = aws.client("iam").create_role(
            RoleName="other", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        )["Role"]["Arn"]
        for wrong in ("arn:aws:iam::123456789012:role/none", other):
            code, _, message = refused(aws.client("scheduler").create_schedule, **schedule(wrong, at(3_600)))
            assert code == "ValidationException"
            assert message == "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."

    def test_input_that_is_not_json(self, aws: StrictAws, role: str) -> None:
        target = {"Arn": STOP, "RoleArn": role, "Input": "{InstanceIds: []}"}
        wanted = {**schedule(role, at(3_600)), "Target": target}
        assert refused(aws.client("scheduler").create_schedule, **wanted)[0] == "ValidationException"

    def test_a_name_that_is_taken_and_a_group_or_schedule_that_does_not_exist(self, aws: StrictAws, role: str) -> None:
        scheduler = aws.client("scheduler")
        assert refused(scheduler.update_schedule, **schedule(role, at(60)))[:2] == ("ResourceNotFoundException", 404)
        scheduler.create_schedule(**schedule(role, at(60)))
        assert refused(scheduler.create_schedule, **schedule(role, at(60)))[:2] == ("ConflictException", 409)
        wanted = schedule(role, at(60), GroupName="nowhere")
        assert refused(scheduler.create_schedule, **wanted)[:2] == ("ResourceNotFoundException", 404)

    def test_an_update_is_checked_like_a_creation_and_changes_nothing_when_refused(
        self, aws: StrictAws, role: str
    ) -> None:
        scheduler = aws.client("scheduler")
        scheduler.create_schedule(**schedule(role, at(60)))
        assert refused(scheduler.update_schedule, **schedule(role, "at(soon)"))[0] == "ValidationException"
        assert scheduler.get_schedule(Name="stop")["ScheduleExpression"] == at(60)


class TestFiring:
    def test_it_stops_the_instance_when_it_is_due_and_not_before_and_is_gone(self, aws: StrictAws, role: str) -> None:
        instance = running_instance(aws)
        aws.client("scheduler").create_schedule(**schedule(role, at(100), instance))
        CLOCK.advance(99)
        aws.tick()
        assert (stops(aws), describe(aws.client("ec2"), instance)["State"]["Name"]) == (0, "running")
        CLOCK.advance(1)
        aws.tick()
        assert (stops(aws), describe(aws.client("ec2"), instance)["State"]["Name"]) == (1, "stopping")
        assert aws.client("scheduler").list_schedules()["Schedules"] == []
        aws.tick()
        assert stops(aws) == 1

    def test_it_fires_by_itself_when_nobody_looks(self, aws: StrictAws, role: str) -> None:
        instance = running_instance(aws)
        aws.client("scheduler").create_schedule(**schedule(role, at(5), instance))
        CLOCK.advance(6)
        give_up = time.monotonic() + 10
        while not stops(aws) and time.monotonic() < give_up:
            time.sleep(0.02)
        assert stops(aws) == 1

    def test_the_time_is_read_in_the_zone_of_the_schedule(self, aws: StrictAws, role: str) -> None:
        instance = running_instance(aws)
        wanted = schedule(role, at(9 * 3_600 + 60), instance, ScheduleExpressionTimezone="Asia/Tokyo")
        aws.client("scheduler").create_schedule(**wanted)
        CLOCK.advance(61)
        aws.tick()
        assert stops(aws) == 1

    def test_one_that_is_put_off_fires_at_its_new_time_only(self, aws: StrictAws, role: str) -> None:
        instance, scheduler = running_instance(aws), aws.client("scheduler")
        scheduler.create_schedule(**schedule(role, at(10), instance))
        scheduler.update_schedule(**schedule(role, at(100), instance))
        CLOCK.advance(50)
        aws.tick()
        assert stops(aws) == 0
        CLOCK.advance(50)
        aws.tick()
        assert stops(aws) == 1

    def test_without_delete_it_stays_fires_once_and_can_be_set_again(self, aws: StrictAws, role: str) -> None:
        instance, scheduler = running_instance(aws), aws.client("scheduler")
        kept = {"ActionAfterCompletion": "NONE"}
        scheduler.create_schedule(**(schedule(role, at(10), instance) | kept))
        for _ in range(2):
            CLOCK.advance(10)
            aws.tick()
        assert (stops(aws), len(scheduler.list_schedules()["Schedules"])) == (1, 1)
        scheduler.update_schedule(**(schedule(role, at(10), instance) | kept))
        CLOCK.advance(10)
        aws.tick()
        assert stops(aws) == 2

    def test_an_update_that_does_not_ask_for_deletion_takes_it_back(self, aws: StrictAws, role: str) -> None:
        scheduler = aws.client("scheduler")
        wanted = schedule(role, at(10))
        scheduler.create_schedule(**wanted)
        scheduler.update_schedule(**{name: what for name, what in wanted.items() if name != "ActionAfterCompletion"})
        found = scheduler.get_schedule(Name="stop")
        assert (found["ActionAfterCompletion"], found["State"]) == ("NONE", "ENABLED")

    def test_one_that_is_disabled_or_deleted_does_not_fire(self, aws: StrictAws, role: str) -> None:
        instance, scheduler = running_instance(aws), aws.client("scheduler")
        scheduler.create_schedule(**schedule(role, at(10), instance, State="DISABLED"))
        scheduler.create_schedule(**schedule(role, at(10), instance, Name="other"))
        scheduler.delete_schedule(Name="other")
        CLOCK.advance(20)
        aws.tick()
        assert stops(aws) == 0

    def test_a_call_that_is_refused_ends_the_schedule_and_harms_no_other(self, aws: StrictAws, role: str) -> None:
        instance, scheduler = running_instance(aws), aws.client("scheduler")
        scheduler.create_schedule(**schedule(role, at(10), "i-0123456789abcdef0", Name="broken"))
        scheduler.create_schedule(**schedule(role, at(11), instance))
        CLOCK.advance(20)
        aws.tick()
        assert [call["status"] for call in aws.calls("ec2", "StopInstances")] == [400, 200]
        with pytest.raises(ClientError):
            scheduler.get_schedule(Name="broken")

    def test_recurring_schedules_and_other_targets_are_kept(self, aws: StrictAws, role: str) -> None:
        scheduler = aws.client("scheduler")
        scheduler.create_schedule(**schedule(role, "rate(10 minutes)"))
        scheduler.create_schedule(**schedule(role, "cron(0 6 * * ? *)", Name="mail"))
        queue = "arn:aws:sqs:eu-central-1:123456789012:queue"
        scheduler.create_schedule(**schedule(role, at(10), target=queue, Name="queue", ActionAfterCompletion="NONE"))
        CLOCK.advance(1_000)
        aws.tick()
        assert len(scheduler.list_schedules()["Schedules"]) == 3
