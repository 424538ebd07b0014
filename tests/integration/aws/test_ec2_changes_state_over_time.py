"""Then the right order works, and takes its time."""

import queue
from typing import Any

from local.aws.ec2.events import Event
from local.aws.server import StrictAws
from tests.integration.aws.instances import CLOCK, describe, launch, refused, stopped_instance, wait_for


def test_a_new_instance_is_pending_for_the_boot_time_and_then_runs(aws: StrictAws) -> None:
    ec2 = aws.client("ec2")
    node = launch(ec2)

    CLOCK.advance(4.9)
    assert describe(ec2, node)["State"] == {"Code": 0, "Name": "pending"}
    CLOCK.advance(0.1)
    assert describe(ec2, node)["State"] == {"Code": 16, "Name": "running"}


def test_a_stopped_instance_can_be_resized_and_started(aws: StrictAws) -> None:
    ec2 = aws.client("ec2")
    node = stopped_instance(ec2)

    ec2.modify_instance_attribute(InstanceId=node, InstanceType={"Value": "g4dn.xlarge"})
    ec2.start_instances(InstanceIds=[node])

    assert wait_for(ec2, node, "running")["InstanceType"] == "g4dn.xlarge"


def test_answers_tell_the_state_before_and_after(aws: StrictAws) -> None:
    ec2 = aws.client("ec2")
    node = stopped_instance(ec2)

    def states(answer: dict[str, Any], key: str) -> tuple[str, str]:
        return answer[key][0]["PreviousState"]["Name"], answer[key][0]["CurrentState"]["Name"]

    assert states(ec2.start_instances(InstanceIds=[node]), "StartingInstances") == ("stopped", "pending")
    assert states(ec2.start_instances(InstanceIds=[node]), "StartingInstances") == ("pending", "pending")
    wait_for(ec2, node, "running")
    assert states(ec2.start_instances(InstanceIds=[node]), "StartingInstances") == ("running", "running")
    assert states(ec2.stop_instances(InstanceIds=[node]), "StoppingInstances") == ("running", "stopping")
    assert states(ec2.stop_instances(InstanceIds=[node]), "StoppingInstances") == ("stopping", "stopping")
    assert states(ec2.terminate_instances(InstanceIds=[node]), "TerminatingInstances") == ("stopping", "shutting-down")
    wait_for(ec2, node, "terminated")
    assert states(ec2.terminate_instances(InstanceIds=[node]), "TerminatingInstances") == ("terminated", "terminated")


def test_the_transition_reason_names_the_user_and_goes_away_on_start(aws: StrictAws) -> None:
    ec2 = aws.client("ec2")
    node = stopped_instance(ec2)

    found = describe(ec2, node)
    assert found["StateTransitionReason"].startswith("User initiated (")
    assert found["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    ec2.start_instances(InstanceIds=[node])
    assert describe(ec2, node)["StateTransitionReason"] == ""


def test_a_public_address_is_taken_back_on_stop_and_a_new_launch_time_is_set_on_start(aws: StrictAws) -> None:
    ec2 = aws.client("ec2")
    node = launch(ec2)
    first = wait_for(ec2, node, "running")
    ec2.stop_instances(InstanceIds=[node])
    stopped = wait_for(ec2, node, "stopped")
    ec2.start_instances(InstanceIds=[node])
    second = wait_for(ec2, node, "running")

    assert first["PublicIpAddress"]
    assert "PublicIpAddress" not in stopped
    assert second["PublicIpAddress"] != first["PublicIpAddress"]
    assert second["LaunchTime"] > first["LaunchTime"]


def test_termination_protection_still_works(aws: StrictAws) -> None:
    ec2 = aws.client("ec2")
    node = launch(ec2, DisableApiTermination=True)
    ec2.modify_instance_attribute(InstanceId=node, DisableApiTermination={"Value": True})

    assert refused(ec2.terminate_instances, InstanceIds=[node])[0] == "OperationNotPermitted"


def test_events_arrive_in_order_and_on_time_without_anybody_looking() -> None:
    events: queue.Queue[Event] = queue.Queue()
    with StrictAws(boot_s=0.1, stop_s=0.1) as aws:
        aws.subscribers.append(events.put)
        ec2 = aws.client("ec2")
        node = launch(ec2)
        seen = [events.get(timeout=5), events.get(timeout=5)]
        ec2.stop_instances(InstanceIds=[node])
        seen += [events.get(timeout=5), events.get(timeout=5)]

    assert [event["detail"] for event in seen] == [
        {"instance-id": node, "state": state} for state in ("pending", "running", "stopping", "stopped")
    ]
    assert seen[-1]["detail-type"] == "EC2 Instance State-change Notification"
    assert (seen[-1]["source"], seen[-1]["region"]) == ("aws.ec2", "eu-central-1")
    assert seen[-1]["resources"] == [f"arn:aws:ec2:eu-central-1:123456789012:instance/{node}"]


def test_a_subscriber_may_call_aws_and_a_broken_one_stops_nobody() -> None:
    seen: queue.Queue[str] = queue.Queue()

    def broken(_event: object) -> None:
        raise ValueError("broken")

    def curious(event: Any) -> None:
        seen.put(describe(ec2, event["detail"]["instance-id"])["State"]["Name"])

    with StrictAws(boot_s=0.2) as aws:
        ec2 = aws.client("ec2")
        aws.subscribers.extend([broken, curious])
        launch(ec2)
        seen.get(timeout=5)

        assert seen.get(timeout=5) == "running"


def test_a_dry_run_changes_nothing(aws: StrictAws) -> None:
    ec2 = aws.client("ec2")
    node = stopped_instance(ec2)

    assert refused(ec2.start_instances, InstanceIds=[node], DryRun=True)[0] == "DryRunOperation"
    assert describe(ec2, node)["State"]["Name"] == "stopped"


def test_a_maintained_ubuntu_is_found_by_owner_and_name(aws: StrictAws) -> None:
    jammy = {"Name": "name", "Values": ["ubuntu/images/*/ubuntu-jammy-22.04-amd64-server-*"]}

    images = aws.client("ec2").describe_images(Owners=["099720109477"], Filters=[jammy])["Images"]

    assert [(image["OwnerId"], image["Architecture"]) for image in images] == [("099720109477", "x86_64")]
