"""The runbook `playbooks/resize.yml`, run as an operator runs it, against the strict local AWS."""

from collections.abc import Callable

import pytest

from tests.ansible.conftest import Cloud, Run

Resize = Callable[..., Run]
GPU, SANDBOX, NAME = "g4dn.xlarge", "t3.small", "tinyllama-gpu"


def test_check_do_check_do_is_changed_changed_ok_ok_and_check_predicts_the_diff(cloud: Cloud, resize: Resize) -> None:
    wanted = {"target": GPU, "state": "running"}
    predicted = resize("--check", "--diff", **wanted)
    assert cloud.writes() == []
    assert predicted.audit == []
    done = resize("--diff", **wanted, confirm=NAME)
    assert cloud.writes() == ["ModifyInstanceAttribute", "StartInstances"]
    assert cloud.node() == (GPU, "running")
    cloud.aws.clear()
    again = [resize("--check", "--diff", **wanted), resize("--diff", **wanted, confirm=NAME)]
    assert cloud.writes() == []
    assert [run.code for run in (predicted, done, *again)] == [0, 0, 0, 0]
    assert [run.changed for run in (predicted, done, *again)] == [1, 1, 0, 0]
    assert predicted.diff == done.diff
    assert "+    instance_type: g4dn.xlarge" in done.diff
    assert [line["outcome"] for line in again[-1].audit] == ["changed", "unchanged"]


def test_a_running_node_is_resized_in_order_and_the_run_is_recorded(cloud: Cloud, resize: Resize) -> None:
    cloud.bring_to("running")
    cloud.aws.clear()
    run = resize(target=GPU, confirm=cloud.node_id)
    assert run.code == 0, run.output
    assert cloud.writes() == ["StopInstances", "ModifyInstanceAttribute", "StartInstances"]
    assert "0.0210 -> 0.5754" in run.output
    (line,) = run.audit
    assert line["what"] == "resize"
    assert line["node"] == cloud.node_id
    assert line["inputs"] == {"target": GPU, "confirm": cloud.node_id, "poll_interval": "0.1"}
    assert line["plan"] == [
        "drain queue",
        "stop stopped",
        "wait stopped",
        f"set_type {GPU}",
        "start running",
        "wait running",
    ]
    assert line["eur_per_hour"] == {"before": "0.0210", "after": "0.5754"}
    assert line["before"] == {"instance_type": SANDBOX, "state": "running", "eur_per_hour": "0.0210"}
    assert line["after"] == {"instance_type": GPU, "state": "running", "eur_per_hour": "0.5754"}
    assert line["outcome"] == "changed"
    assert line["seconds"] >= 0.5
    assert "@" in line["who"]
    assert line["revision"]


def test_without_capacity_the_node_is_put_back_and_the_run_fails_and_is_recorded(cloud: Cloud, resize: Resize) -> None:
    cloud.bring_to("running")
    cloud.aws.clear()
    cloud.no_capacity_for(GPU)
    run = resize(target=GPU, confirm=NAME)
    assert run.code == 2
    assert cloud.node() == (SANDBOX, "running")
    assert "InsufficientInstanceCapacity" in run.output
    assert "It was put back to t3.small, running. AWS has no g4dn.xlarge to spare in eu-central-1a now" in run.output
    assert cloud.writes()[-2:] == ["ModifyInstanceAttribute", "StartInstances"]
    (line,) = run.audit
    assert line["outcome"] == "restored"
    assert "InsufficientInstanceCapacity" in line["error"]
    assert line["after"] == {"instance_type": SANDBOX, "state": "running"}


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"target": GPU}, f"-e confirm={NAME}"),
        ({"target": GPU, "confirm": "yes"}, f"-e confirm={NAME}"),
        ({"confirm": NAME, "wait_timeout": "soon", "state": "paused"}, "Say which type: -e target=g4dn.xlarge"),
        ({"target": GPU, "confirm": NAME, "expect_account": "210987654321"}, "This is account 123456789012"),
        ({"target": "g4dn.xxlarge", "confirm": NAME}, "There is no instance type 'g4dn.xxlarge'"),
        (
            {"target": GPU, "confirm": NAME, "state": "running", "lease_seconds": "600"},
            "The lease of 600 s may end mid-way",
        ),
    ],
    ids=["no-confirm", "wrong-confirm", "bad-inputs", "other-account", "unknown-type", "short-lease"],
)
def test_what_cannot_be_right_is_refused_and_nothing_is_touched(
    cloud: Cloud, resize: Resize, inputs: dict[str, str], says: str
) -> None:
    run = resize(**inputs)
    assert run.code == 2
    assert says in run.output
    assert cloud.writes() == []
    (line,) = run.audit
    assert line["outcome"] == "refused"
    assert line["error"]
