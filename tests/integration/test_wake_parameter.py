"""The wake switch in Parameter Store, as the router reads it before a cold start."""

import json

import pytest

from tests.integration.test_cold_boot import Cloud, ask, cloud
from tinyllama.adapters.aws_json import AwsJson
from tinyllama.adapters.wake_parameter import WakeParameter
from tinyllama.domain.wake_switch import PARAMETER, WakeSwitch, WakeSwitchError

__all__ = ["cloud"]  # the fixture
OFF = {"enabled": False, "reason": "budget", "until": "2099-12-01T00:00:00Z"}


def put(cloud: Cloud, value: str) -> None:
    cloud.aws.client("ssm").put_parameter(Name=PARAMETER, Value=value, Type="String", Overwrite=True)
    cloud.aws.clear()


def test_off_it_keeps_the_node_asleep_and_on_again_it_lets_it_wake(cloud: Cloud) -> None:
    node = cloud.instance("stopped")
    put(cloud, json.dumps(OFF))
    status, body = ask()
    assert (status, body) == (402, {"error": "budget_exhausted", "resets": OFF["until"]})
    assert (cloud.state(node), cloud.writes(), cloud.depth()) == ("stopped", [], 0)
    put(cloud, '{"enabled": true}')
    assert ask()[0] == 202
    assert cloud.starts() == 1


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "InternalServerError"])
def test_a_parameter_that_cannot_be_read_starts_nothing(cloud: Cloud, code: str) -> None:
    cloud.instance("stopped")
    cloud.aws.clear()
    cloud.aws.fail("ssm:GetParameter", code, times=None, status=500 if "Internal" in code else 400)
    status, body = ask()
    assert (status, body["error"], cloud.writes()) == (503, "start_failed", [])
    assert body["detail"].startswith("wake_unknown: ")
    assert code in body["detail"]


def test_one_that_is_no_switch_starts_nothing(cloud: Cloud) -> None:
    cloud.instance("stopped")
    put(cloud, "off")
    status, body = ask()
    assert (status, body["error"], cloud.writes()) == (503, "start_failed", [])


def test_a_moment_of_throttling_is_survived_and_a_node_on_its_way_is_not_asked_about(cloud: Cloud) -> None:
    cloud.instance("stopped")
    cloud.aws.clear()
    cloud.aws.fail("ssm:GetParameter", "ThrottlingException", times=1, status=400)
    assert ask()[0] == 202
    assert len(cloud.aws.calls("ssm", "GetParameter")) == 2
    assert ask()[0] == 202
    assert len(cloud.aws.calls("ssm", "GetParameter")) == 2


def test_without_an_aws_nothing_is_known(cloud: Cloud) -> None:
    away = WakeParameter(AwsJson("eu-central-1", timeout_s=0.2, endpoint_url="http://127.0.0.1:9"))
    with pytest.raises(WakeSwitchError, match="/tinyllama/wake: ssm"):
        away.read()
    with pytest.raises(WakeSwitchError, match="/tinyllama/wake: ssm"):
        away.write(WakeSwitch(), cloud.clock())


def test_inside_the_vpc_it_is_asked_by_its_dual_stack_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", "true")
    assert AwsJson("eu-central-1", timeout_s=1)._urls["ssm"] == "https://ssm.eu-central-1.api.aws/"
    monkeypatch.delenv("AWS_USE_DUALSTACK_ENDPOINT")
    assert AwsJson("eu-central-1", timeout_s=1)._urls["ssm"] == "https://ssm.eu-central-1.amazonaws.com/"
