"""First the proof that the simulator is strict: what AWS refuses is refused, with AWS's codes."""

import pytest

from local.aws.server import StrictAws
from tests.integration.aws.instances import describe, launch, refused, stopped_instance, wait_for

BIGGER = {"Value": "g4dn.xlarge"}


def test_changing_the_type_of_a_running_instance_is_refused(aws: StrictAws) -> None:
    ec2 = aws.client("ec2")
    node = launch(ec2)
    wait_for(ec2, node, "running")

    code, status, message = refused(ec2.modify_instance_attribute, InstanceId=node, InstanceType=BIGGER)

    assert (code, status) == ("IncorrectInstanceState", 400)
    assert message == f"The instance '{node}' is not in the 'stopped' state."
    assert describe(ec2, node)["InstanceType"] == "t3.small"


def test_changing_the_type_while_still_stopping_is_refused(aws: StrictAws) -> None:
    ec2 = aws.client("ec2")
    node = launch(ec2)
    wait_for(ec2, node, "running")
    ec2.stop_instances(InstanceIds=[node])

    code, _, _ = refused(ec2.modify_instance_attribute, InstanceId=node, Attribute="instanceType", Value="g4dn.xlarge")

    assert code == "IncorrectInstanceState"


def test_changing_the_user_data_of_a_running_instance_is_refused(aws: StrictAws) -> None:
    ec2 = aws.client("ec2")
    node = launch(ec2)
    wait_for(ec2, node, "running")

    assert (
        refused(ec2.modify_instance_attribute, InstanceId=node, UserData={"Value": b"IyEvYmluL3No"})[0]
        == "IncorrectInstanceState"
    )


def test_starting_a_stopping_instance_is_refused(aws: StrictAws) -> None:
    ec2 = aws.client("ec2")
    node = launch(ec2)
    wait_for(ec2, node, "running")
    ec2.stop_instances(InstanceIds=[node])

    code, status, message = refused(ec2.start_instances, InstanceIds=[node])

    assert (code, status) == ("IncorrectInstanceState", 400)
    assert message == f"The instance '{node}' is not in a state from which it can be started."


def test_starting_a_terminated_instance_is_refused(aws: StrictAws) -> None:
    ec2 = aws.client("ec2")
    node = launch(ec2)
    ec2.terminate_instances(InstanceIds=[node])
    assert refused(ec2.start_instances, InstanceIds=[node])[0] == "IncorrectInstanceState"
    wait_for(ec2, node, "terminated")

    assert refused(ec2.start_instances, InstanceIds=[node])[0] == "IncorrectInstanceState"
    assert refused(ec2.stop_instances, InstanceIds=[node])[0] == "IncorrectInstanceState"


def test_stopping_an_instance_on_its_first_boot_is_refused(aws: StrictAws) -> None:
    ec2 = aws.client("ec2")
    node = launch(ec2)

    code, status, message = refused(ec2.stop_instances, InstanceIds=[node])

    assert (code, status) == ("IncorrectInstanceState", 400)
    assert message == f"Instance '{node}' cannot be stopped as it has never reached the 'running' state."


def test_rebooting_a_stopped_instance_is_refused(aws: StrictAws) -> None:
    ec2 = aws.client("ec2")
    node = stopped_instance(ec2)

    assert refused(ec2.reboot_instances, InstanceIds=[node])[0] == "IncorrectInstanceState"
    assert describe(ec2, node)["State"]["Name"] == "stopped"


def test_one_instance_in_the_wrong_state_keeps_the_others_from_starting(aws: StrictAws) -> None:
    ec2 = aws.client("ec2")
    good, bad = stopped_instance(ec2), launch(ec2)
    ec2.terminate_instances(InstanceIds=[bad])

    assert refused(ec2.start_instances, InstanceIds=[good, bad])[0] == "IncorrectInstanceState"
    assert describe(ec2, good)["State"]["Name"] == "stopped"


def test_an_instance_type_that_does_not_exist_is_refused(aws: StrictAws) -> None:
    ec2 = aws.client("ec2")
    node = stopped_instance(ec2)

    code, status, message = refused(ec2.modify_instance_attribute, InstanceId=node, InstanceType={"Value": "g4dn.tiny"})

    assert (code, status) == ("InvalidInstanceAttributeValue", 400)
    assert message == "Invalid value 'g4dn.tiny' for InstanceType."
    with pytest.raises(ec2.exceptions.ClientError, match=r"InvalidParameterValue.*Invalid value 'g4dn.tiny'"):
        launch(ec2, "g4dn.tiny")


def test_an_unknown_instance_is_refused(aws: StrictAws) -> None:
    ec2 = aws.client("ec2")

    assert refused(ec2.start_instances, InstanceIds=["i-0123456789abcdef0"])[0] == "InvalidInstanceID.NotFound"
