"""Forms that we sign: what EC2 refuses has EC2's code, and what may pass is tried again, as often as boto3 would."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from local.aws.server import REGION, StrictAws
from tinyllama.adapters.aws_json import Keys
from tinyllama.adapters.ec2_query import Ec2Query
from tinyllama.domain.errors import NodeError

KEYS = Keys("testing", "testing", "session")


@pytest.fixture(scope="module")
def aws() -> Iterator[StrictAws]:
    with StrictAws() as served:
        yield served


@pytest.fixture
def pauses(aws: StrictAws) -> list[float]:
    aws.clear()
    return []


def query(url: str | None, pauses: list[float]) -> Ec2Query:
    return Ec2Query(REGION, KEYS, endpoint_url=url, timeout_s=2, pause=pauses.append)


def ask(url: str | None, pauses: list[float]) -> str:
    return query(url, pauses).ask("DescribeInstances", {"MaxResults": "5"}).tag.rpartition("}")[2]


@pytest.mark.parametrize(
    ("code", "status"),
    [("RequestLimitExceeded", 503), ("Throttling", 400), ("InternalError", 500), ("Unavailable", 503)],
)
def test_what_may_pass_is_tried_three_times_with_growing_pauses(
    aws: StrictAws, pauses: list[float], code: str, status: int
) -> None:
    aws.fail("ec2:DescribeInstances", code, times=2, status=status)
    assert ask(aws.url, pauses) == "DescribeInstancesResponse"
    assert len(pauses) == 2
    assert all(0 <= pause <= most for pause, most in zip(pauses, (1, 2), strict=True))
    aws.fail("ec2:DescribeInstances", code, times=3, status=status)
    with pytest.raises(NodeError) as caught:
        ask(aws.url, pauses)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "code", ["UnauthorizedOperation", "IncorrectInstanceState", "AuthFailure", "UnsupportedOperation"]
)
def test_a_refusal_is_said_at_once_with_ec2_s_code_and_words(aws: StrictAws, pauses: list[float], code: str) -> None:
    aws.fail("ec2:DescribeInstances", code, status=403, message="because & so")
    with pytest.raises(NodeError, match=f"^{code}: because & so$") as caught:
        ask(aws.url, pauses)
    assert (caught.value.code, pauses) == (code, [])


def test_the_endpoint_is_the_environment_s_and_the_service_s_own_first(
    aws: StrictAws, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", aws.url + "/")
    assert ask(None, pauses) == "DescribeInstancesResponse"
    [call] = aws.calls("ec2")
    assert call["caller"] == KEYS.access_key


@pytest.mark.parametrize("url", ["localhost:5000", "nonsense", "http://[", "http://"])
def test_an_endpoint_that_is_no_url_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(NodeError, match=r"InvalidEndpoint.*AWS_ENDPOINT_URL"):
        query(url, [])


def test_nobody_there_is_tried_again_and_named(pauses: list[float]) -> None:
    with pytest.raises(NodeError, match="refused") as caught:
        ask("http://127.0.0.1:9", pauses)
    assert (caught.value.code, len(pauses)) == ("EndpointConnectionError", 2)


@contextmanager
def proxy(status: int, body: bytes) -> Iterator[str]:
    """Something in between that answers for itself."""

    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        Thread(target=server.serve_forever, args=(0.01,)).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "body", "code", "tries"),
    [
        (200, b"Please log in", "UnexpectedAnswer", 1),
        (200, b"", "UnexpectedAnswer", 1),
        (403, b"<html>forbidden", "403", 1),
        (404, b"", "404", 1),
        (502, b"Bad gateway", "502", 3),
        (503, b"<Response><Errors><Error/></Errors></Response>", "503", 3),
    ],
)
def test_an_answer_that_is_not_ec2_s_is_an_error_too(
    pauses: list[float], status: int, body: bytes, code: str, tries: int
) -> None:
    with proxy(status, body) as url, pytest.raises(NodeError) as caught:
        ask(url, pauses)
    assert (caught.value.code, len(pauses)) == (code, tries - 1)
