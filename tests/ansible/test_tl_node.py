"""The module `tl_node` against the strict local AWS."""

import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.ansible.conftest import BIN, ROOT, Cloud

Module = Callable[..., dict[str, Any]]
GPU = "g4dn.xlarge"


def test_the_local_aws_refuses_to_change_the_type_of_a_running_node(cloud: Cloud, tl_node_module: Module) -> None:
    tl_node_module(state="running")
    with pytest.raises(ClientError, match="IncorrectInstanceState"):
        cloud.ec2.modify_instance_attribute(InstanceId=cloud.node_id, InstanceType={"Value": GPU})


def test_a_running_node_is_stopped_changed_and_started_in_this_order(cloud: Cloud, tl_node_module: Module) -> None:
    tl_node_module(state="running")
    cloud.aws.clear()
    answer = tl_node_module(instance_type=GPU)
    assert cloud.writes() == ["StopInstances", "ModifyInstanceAttribute", "StartInstances"]
    assert cloud.node() == (GPU, "running")
    assert [step["action"] for step in answer["steps"]] == ["stop", "wait", "set_type", "start", "wait"]


def test_check_do_check_do_is_changed_changed_ok_ok(cloud: Cloud, tl_node_module: Module) -> None:
    wanted = {"instance_type": GPU, "state": "running"}
    predicted = tl_node_module(check=True, **wanted)
    assert cloud.writes() == []
    done = tl_node_module(**wanted)
    assert cloud.writes() == ["ModifyInstanceAttribute", "StartInstances"]
    cloud.aws.clear()
    again = [tl_node_module(check=True, **wanted), tl_node_module(**wanted)]
    assert cloud.writes() == []
    assert [answer["changed"] for answer in (predicted, done, *again)] == [True, True, False, False]
    assert {**predicted, "seconds": 0, "invocation": 0} == {**done, "seconds": 0, "invocation": 0}


def test_a_prediction_is_exact_from_every_state(cloud: Cloud, tl_node_module: Module) -> None:
    for began, target in (("pending", GPU), ("running", "t3.small"), ("stopping", GPU), ("stopped", "t3.small")):
        cloud.bring_to(began)
        predicted, done = tl_node_module(check=True, instance_type=target), tl_node_module(instance_type=target)
        assert predicted["changed"]
        assert predicted["after"] == done["after"]
        assert (done["after"]["instance_type"], done["after"]["state"]) == cloud.node()


def test_without_capacity_old_type_and_state_are_put_back(cloud: Cloud, tl_node_module: Module) -> None:
    cloud.no_capacity_for(GPU)
    answer = tl_node_module(instance_type=GPU, state="running")
    assert answer["restored"]
    assert "It was put back to t3.small, stopped. AWS has no g4dn.xlarge to spare in eu-central-1a" in answer["msg"]
    assert cloud.node() == ("t3.small", "stopped")


def test_when_going_back_fails_too_the_answer_says_what_is_left(cloud: Cloud, tl_node_module: Module) -> None:
    cloud.bring_to("running")
    cloud.aws.fail("ec2:StartInstances", "UnauthorizedOperation", times=None)
    answer = tl_node_module(instance_type=GPU)
    assert answer["restored"] is False
    assert answer["after"] == {"instance_type": "t3.small", "state": "stopped"}
    assert "It is left stopped as t3.small" in answer["msg"]
    assert "ask for instance type t3.small and state running" in answer["msg"]


def test_without_arguments_it_only_looks(cloud: Cloud, tl_node_module: Module) -> None:
    answer = tl_node_module()
    assert not answer["changed"]
    assert answer["node"] == {
        "id": cloud.node_id,
        "name": "tinyllama-gpu",
        "account": "123456789012",
        "region": "eu-central-1",
        "zone": "eu-central-1a",
        "architecture": "x86_64",
    }
    assert answer["before"] == {"instance_type": "t3.small", "state": "stopped", "eur_per_hour": "0.0210"}
    assert cloud.writes() == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"instance_type": "g4dn.xxlarge"}, "There is no instance type 'g4dn.xxlarge' in eu-central-1; nothing"),
        ({"instance_type": ""}, "There is no instance type '' in eu-central-1; nothing"),
        ({"instance_type": "t4g.small"}, "t4g.small has arm64 processors"),
        ({"instance_id": "i-0123"}, "The instance i-0123 does not exist here, or lacks the tags"),
        ({"endpoint_url": "nonsense"}, "InvalidEndpoint"),
        ({"endpoint_url": "http://127.0.0.1:9"}, "EndpointConnectionError"),
        ({"region": "eu-west-1"}, "No instance that is not terminated has the tags"),
        ({"state": "paused"}, "value of state must be one of: running, stopped, unchanged"),
        ({"wait_timeout": "soon"}, "wait_timeout"),
    ],
)
def test_bad_input_fails_with_a_message_and_touches_nothing(
    cloud: Cloud, tl_node_module: Module, options: dict[str, str], says: str
) -> None:
    answer = tl_node_module(**options)
    assert answer["failed"]
    assert says in answer["msg"]
    assert cloud.writes() == []


def test_expired_credentials_are_named_before_anything_is_touched(cloud: Cloud, tl_node_module: Module) -> None:
    cloud.aws.fail("ec2:DescribeInstances", "ExpiredToken", times=None, status=400)
    answer = tl_node_module(instance_type=GPU)
    assert "ExpiredToken" in answer["msg"]
    assert "Nothing was touched. Check that the credentials are there, valid" in answer["msg"]
    assert answer["restored"] is None


def test_a_type_that_the_zone_does_not_have_is_refused(cloud: Cloud, tl_node_module: Module) -> None:
    cloud.aws.clear()
    answer = tl_node_module(instance_type="p5.48xlarge")
    assert "eu-central-1a does not offer p5.48xlarge" in answer["msg"]
    assert cloud.writes() == []


def test_a_rung_of_the_ladder_is_checked_like_the_type(cloud: Cloud, tl_node_module: Module) -> None:
    answer = tl_node_module(instance_type=GPU, ladder=["g5.xlarge", "t4g.small"], check=True)
    assert "t4g.small has arm64 processors" in answer["msg"]


def test_no_node_is_a_clear_failure(cloud: Cloud, tl_node_module: Module) -> None:
    cloud.ec2.terminate_instances(InstanceIds=[cloud.node_id])
    cloud.aws.clear()
    answer = tl_node_module(instance_type=GPU)
    assert "create the node with `terraform apply`" in answer["msg"]
    assert cloud.writes() == []


def test_two_nodes_are_a_clear_failure_until_one_is_named(cloud: Cloud, tl_node_module: Module) -> None:
    ours = cloud.ec2.describe_instances(InstanceIds=[cloud.node_id])["Reservations"][0]["Instances"][0]
    tags = [{"ResourceType": "instance", "Tags": ours["Tags"]}]
    cloud.ec2.run_instances(ImageId=ours["ImageId"], InstanceType=GPU, MinCount=1, MaxCount=1, TagSpecifications=tags)
    cloud.aws.clear()
    answer = tl_node_module(instance_type=GPU)
    assert answer["msg"].startswith("2 instances have the tags")
    assert "Name one with instance_id" in answer["msg"]
    assert cloud.writes() == []
    assert tl_node_module(instance_type=GPU, instance_id=cloud.node_id)["changed"]


def test_a_call_that_is_not_allowed_leaves_the_node_as_it_was(cloud: Cloud, tl_node_module: Module) -> None:
    cloud.aws.fail("ec2:ModifyInstanceAttribute", "UnauthorizedOperation", times=None)
    answer = tl_node_module(instance_type=GPU)
    assert answer["restored"]
    assert "UnauthorizedOperation" in answer["msg"]
    assert "allowed to make this call" in answer["msg"]
    assert cloud.node() == ("t3.small", "stopped")


def test_throttling_for_a_moment_is_survived(cloud: Cloud, tl_node_module: Module) -> None:
    cloud.aws.fail("ec2:StartInstances", "RequestLimitExceeded", times=1)
    assert tl_node_module(state="running")["after"]["state"] == "running"


def test_a_boot_that_takes_too_long_ends_at_wait_timeout(cloud: Cloud, tl_node_module: Module) -> None:
    cloud.ec2.start_instances(InstanceIds=[cloud.node_id])
    cloud.aws.clear()
    answer = tl_node_module(state="stopped", wait_timeout=0)
    assert "still pending after waiting 0 s" in answer["msg"]
    assert "longer wait_timeout" in answer["msg"]
    assert cloud.writes() == []


def test_ansible_doc_reads_it() -> None:
    shown = subprocess.run(
        [BIN / "ansible-doc", "-M", "library", "tl_node"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert all(word in shown.stdout for word in ("OPTIONS", "ATTRIBUTES", "EXAMPLES", "RETURN VALUES", "eur_per_hour"))
