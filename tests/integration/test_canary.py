"""The canary: a broken deploy is taken back, and a sleeping node is none (LAM-001, decision 8)."""

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.canary import handler
from local.aws.server import StrictAws
from tests.integration.aws.test_functions import wanted
from tinyllama.domain.alias import AliasError, Route
from tinyllama.domain.canary import Look, step_back, well
from tinyllama.domain.errors import SettingsError

OURS = {"x-request-id": "r"}
FUNCTION = {"FunctionName": "tinyllama-router"}
Answer = tuple[int, dict[str, str], bytes]
WELL: Answer = (401, OURS, b'{"error": "missing_token"}')
BROKEN: Answer = (500, {}, b'{"message":"Internal Server Error"}')


@pytest.mark.parametrize(
    ("look", "is_well"),
    [
        (Look(200, OURS, b'{"status": "ready"}'), True),
        (Look(503, OURS, b'{"status": "stopped"}'), True),
        (Look(503, OURS, b'{"status": "starting", "eta": 9}'), True),
        (Look(503, OURS, b'{"error": "router_disabled"}'), True),
        (Look(401, OURS, b'{"error": "missing_token"}'), True),
        (Look(429, {}, b'{"message":"Too Many Requests"}'), True),
        (Look(500, {}, b'{"message":"Internal Server Error"}'), False),
        (Look(503, {}, b'{"message":"Service Unavailable"}'), False),
        (Look(503, {}, b'{"status": "stopped"}'), False),
        (Look(503, OURS, b""), False),
        (Look(502, OURS, b"<html>"), False),
        (Look(500, OURS, b'["error"]'), False),
        (Look(500, OURS, b"[" * 60_000), False),
        (Look(trouble="TimeoutError: timed out"), False),
    ],
)
def test_only_answers_that_are_not_ours_count_against_the_router(look: Look, is_well: bool) -> None:
    assert well(look) is is_well


@given(st.sets(st.integers(1, 50)), st.integers(1, 50))
def test_one_step_back_from_the_newest_version_and_never_a_second(versions: set[int], live: int) -> None:
    target = step_back(Route(live), versions | {live})
    older = {version for version in versions if version < live}
    if target is None:
        assert not older or live < max(versions)
    else:
        assert target == Route(max(older))
        assert step_back(target, versions | {live}) is None


class Router:
    """What `/health` answers, one after the other, the last for ever; and the alias in a strict AWS."""

    def __init__(self, aws: StrictAws) -> None:
        self.answers, self.asked = [WELL], list[str]()
        self._lambdas = aws.client("lambda")

    def answer(self, path: str) -> Answer:
        self.asked.append(path)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def live(self) -> str:
        found: str = self._lambdas.get_alias(**FUNCTION, Name="prod")["FunctionVersion"]
        return found


@pytest.fixture
def router(monkeypatch: pytest.MonkeyPatch) -> Iterator[Router]:
    with StrictAws() as aws:
        _deploy(aws, versions=3)
        made = Router(aws)

        class Api(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, body = made.answer(self.path)
                self.send_response(status)
                for name, text in headers.items():
                    self.send_header(name, text)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api) as api:
            thread = threading.Thread(target=api.serve_forever, name="api")
            thread.start()
            for name, value in {
                "AWS_ENDPOINT_URL": aws.url,
                "AWS_DEFAULT_REGION": "eu-central-1",
                "AWS_ACCESS_KEY_ID": "testing",
                "AWS_SECRET_ACCESS_KEY": "testing",
                "API_URL": f"http://127.0.0.1:{api.server_port}/",
                "FUNCTION_NAME": "tinyllama-router",
                "ALIAS": "prod",
            }.items():
                monkeypatch.setenv(name, value)
            monkeypatch.setattr(handler, "PAUSE_S", 0.0)
            handler.settings.cache_clear()
            yield made
            handler.settings.cache_clear()
            api.shutdown()
            thread.join()


def _deploy(aws: StrictAws, *, versions: int) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = aws.client("iam").create_role(RoleName="router", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    lambdas = aws.client("lambda")
    lambdas.create_function(**wanted(role) | FUNCTION)
    for number in range(versions):
        lambdas.update_function_configuration(**FUNCTION, Description=f"release {number}")
        lambdas.publish_version(**FUNCTION, Description=f"release {number}")
    lambdas.create_alias(**FUNCTION, Name="prod", FunctionVersion=str(versions))


def test_a_router_that_answers_is_left_alone_after_one_look(router: Router) -> None:
    assert handler.lambda_handler({}) == {"event": "router is well", "seen": "answered 401"}
    assert (router.asked, router.live()) == (["/health"], "3")


def test_one_failure_is_looked_at_again_and_two_take_the_deploy_back(router: Router) -> None:
    router.answers = [BROKEN, WELL]
    assert handler.lambda_handler({})["event"] == "router is well"
    assert (len(router.asked), router.live()) == (2, "3")
    router.answers = [BROKEN]
    assert handler.lambda_handler({}) == {"event": "rolled back", "from": "3", "to": "2"}
    assert router.live() == "2"


def test_what_is_still_broken_after_that_was_not_the_deploy(router: Router) -> None:
    router.answers = [BROKEN]
    handler.lambda_handler({})
    with pytest.raises(AliasError, match=r"no new deploy: docs/ops/lambda_router\.md"):
        handler.lambda_handler({})
    assert router.live() == "2", "an outage does not walk through all versions"


def test_an_api_that_is_not_there_counts_and_its_log_has_no_body(
    router: Router, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("API_URL", "http://127.0.0.1:9")
    handler.settings.cache_clear()
    assert handler.lambda_handler({})["event"] == "rolled back"
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["event"] for record in said] == ["router is not well"] * 2 + ["rolled back"]
    assert "Connection refused" in said[0]["seen"]


def test_settings_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"API_URL.*FUNCTION_NAME.*ALIAS"):
        handler.CanarySettings.from_env({"API_URL": "file:///etc/passwd"})
