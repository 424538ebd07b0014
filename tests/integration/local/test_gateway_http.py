"""The gateway on a socket: requests that no client library would send."""

import json
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from local.gateway import HOST, server
from local.gateway_app import HEADERS_MAX_BYTES, Gateway
from local.gateway_event import Route

ECHOED = [Route("POST", "/infer", "echo"), Route("GET", "/health", "echo")]
BODY = b'{"prompt": "hi", "idle": 5}'
CHUNKED = b"%x\r\n%s\r\n0\r\n" % (len(BODY), BODY)
_ANSWER = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r]*\r\n(.*?)\r\n\r\n", re.DOTALL)


def echo(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer with the event, as the router would see it."""
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(event)}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with socket.create_server((HOST, 0)) as listener:
        serving = server(Gateway(ECHOED, {"echo": echo}), None)
        thread = threading.Thread(target=serving.run, kwargs={"sockets": [listener]}, name="gateway")
        thread.start()
        yield int(listener.getsockname()[1])
        serving.should_exit = True
        thread.join()


def send(port: int, data: bytes) -> tuple[int, Mapping[str, str], dict[str, Any]]:
    """Send bytes; returns status, headers and body of the first answer, which is all that may come."""
    with socket.create_connection((HOST, port), timeout=10) as wire:
        wire.sendall(data)
        received = b""
        while (found := _ANSWER.match(received)) is None or len(received) < found.end() + _length(found[2]):
            part = wire.recv(65_536)
            assert part, received
            received += part
    lines = (line.decode().partition(": ") for line in found[2].split(b"\r\n"))
    return int(found[1]), {name.lower(): text for name, _, text in lines}, json.loads(received[found.end() :])


def _length(head: bytes) -> int:
    found = re.search(rb"(?i)content-length: (\d+)", head)
    return int(found[1]) if found else 0


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join([line, "host: api", *headers, "", ""]).encode("latin-1") + body


def test_what_comes_behind_the_body_is_no_header(port: int) -> None:
    """An `Authorization` in a trailer once let a request in that had shown none when it was looked at."""
    chunked = request("POST /infer HTTP/1.1", "transfer-encoding: chunked", "trailer: authorization", body=CHUNKED)
    status, _, event = send(port, chunked + b"authorization: Bearer x\r\nx-late: 1\r\n\r\n")
    assert (status, event["body"]) == (200, BODY.decode())
    assert set(event["headers"]) == {"host", "transfer-encoding", "trailer"}


def test_blanks_around_a_header_s_value_are_not_part_of_it(port: int) -> None:
    """RFC 9110, 5.5: nor are they part of what API Gateway passes on."""
    _, _, event = send(port, request("GET /health HTTP/1.1", "authorization: \t Bearer x \t ", "x-inner: a \t b"))
    assert (event["headers"]["authorization"], event["headers"]["x-inner"]) == ("Bearer x", "a \t b")


@pytest.mark.parametrize("sizes", [(HEADERS_MAX_BYTES,), (5_000, 5_300), (200,) * 60])
def test_headers_beyond_the_quota_are_refused(port: int, sizes: tuple[int, ...]) -> None:
    headers = [f"x-{number}: {'a' * size}" for number, size in enumerate(sizes)]
    status, answered, body = send(port, request("GET /health HTTP/1.1", *headers))
    assert (status, body) == (431, {"error": "headers_too_large"})
    assert answered["x-request-id"]


def test_a_path_or_query_beyond_the_quota_is_refused_too(port: int) -> None:
    for target in ("/" + "a" * HEADERS_MAX_BYTES, "/health?" + "a=1&" * 3_000):
        assert send(port, request(f"GET {target} HTTP/1.1"))[0] == 431


def test_only_an_old_client_may_leave_out_the_host(port: int) -> None:
    assert send(port, b"GET /health HTTP/1.0\r\n\r\n")[0] == 200


def test_the_largest_token_fits(port: int) -> None:
    _, _, event = send(port, request("GET /health HTTP/1.1", "authorization: Bearer " + "a" * 8_192))
    assert len(event["headers"]["authorization"]) == 8_199


NO_HTTP = {
    "noise": b"\0\xff\0\r\n\r\n",
    "a TLS handshake": bytes.fromhex("16030100a5010000a10303"),
    "an unknown method": request("FOO /health HTTP/1.1"),
    "a space in the path": request("GET /a b HTTP/1.1"),
    "a path that is not ASCII": request("GET /\xff HTTP/1.1"),
    "a header without a colon": request("GET /health HTTP/1.1", "nothing"),
    "a blank before the colon": request("GET /health HTTP/1.1", "authorization : Bearer x"),
    "a folded header": request("GET /health HTTP/1.1", "authorization: Bearer\r\n x"),
    "a zero byte in a header": request("GET /health HTTP/1.1", "authorization: Bearer x\0"),
    "bare line feeds": b"GET /health HTTP/1.1\nhost: api\n\n",
    "no host": b"GET /health HTTP/1.1\r\naccept: */*\r\n\r\n",
    "two hosts": request("GET /health HTTP/1.1", "host: another"),
    "two lengths": request("POST /infer HTTP/1.1", "content-length: 27", "content-length: 3", body=BODY),
    "a length and chunks": request(
        "POST /infer HTTP/1.1", "content-length: 5", "transfer-encoding: chunked", body=CHUNKED
    ),
    "chunks and a length": request(
        "POST /infer HTTP/1.1", "transfer-encoding: chunked", "content-length: 5", body=CHUNKED
    ),
    "a negative length": request("POST /infer HTTP/1.1", "content-length: -1", body=BODY),
    "a length with a sign": request("POST /infer HTTP/1.1", "content-length: +27", body=BODY),
    "an unknown transfer coding": request("POST /infer HTTP/1.1", "transfer-encoding: xchunked", body=CHUNKED),
    "chunks that are not the last coding": request(
        "POST /infer HTTP/1.1", "transfer-encoding: chunked, identity", body=CHUNKED
    ),
}


@pytest.mark.parametrize("name", NO_HTTP)
def test_what_is_no_http_or_could_be_read_in_two_ways_is_refused_in_our_words(
    port: int, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    status, headers, body = send(port, NO_HTTP[name])
    assert (status, body, headers["connection"]) == (400, {"error": "bad_request"}, "close")
    logged = json.loads(_logged(capfd, headers["x-request-id"]))
    assert (logged["log"], logged["status"], logged["ip"]) == ("access", 400, HOST)


def _logged(capfd: pytest.CaptureFixture[str], request_id: str) -> str:
    """The log's line about a request, which is written right after the answer."""
    seen, end = "", time.monotonic() + 5
    while request_id not in seen and time.monotonic() < end:
        seen += capfd.readouterr().out
    return next(line for line in seen.splitlines() if request_id in line)
