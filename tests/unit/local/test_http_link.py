"""HTTP over real sockets, with a server that does what the test says."""

import re
import socket
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from local.http_link import Answer, HttpLink, NoAnswerError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Name: value\r\n\r\n{}"


class Server:
    """Takes a connection for each of `connections`, and gives the answers in it to the requests that come on it."""

    def __init__(self, *connections: Sequence[bytes]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.requests: list[bytes] = []
        self._thread = threading.Thread(target=self._run, args=(connections,), daemon=True)
        self._thread.start()

    def _run(self, connections: Sequence[Sequence[bytes]]) -> None:
        for answers in connections:
            connection, _ = self._listener.accept()
            with connection:
                for answer in answers:
                    self.requests.append(_request(connection))
                    connection.sendall(answer)

    def end(self) -> None:
        self._thread.join(5)
        self._listener.close()
        assert not self._thread.is_alive()


def _request(connection: socket.socket) -> bytes:
    """All of it: a connection that is closed before its last bytes were read is reset instead."""
    with connection.makefile("rb") as stream:
        head = b"".join(iter(stream.readline, b"\r\n"))
        length = re.search(rb"(?i)^content-length: *([0-9]+)", head, re.MULTILINE)
        return head + b"\r\n" + stream.read(int(length[1]) if length else 0)


@pytest.fixture
def link() -> Iterator[Callable[[str], HttpLink]]:
    made: list[HttpLink] = []

    def make(url: str) -> HttpLink:
        made.append(HttpLink(url, timeout_s=5))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_connection_is_kept_for_the_next_request(link: Callable[[str], HttpLink]) -> None:
    api = Server([OK, OK])
    http = link(api.url + "/base/")

    answers = [http.ask("GET", "/jobs/1", {"x": "y"}), http.ask("POST", "/infer", {}, b"body")]

    api.end()
    assert answers == [Answer(200, {"content-length": "2", "x-name": "value"}, b"{}")] * 2
    assert api.requests[0].startswith(b"GET /base/jobs/1 HTTP/1.1\r\n")
    assert b"\r\nx: y\r\n" in api.requests[0]


def test_a_connection_that_the_server_gave_up_is_replaced_before_anything_is_sent(
    link: Callable[[str], HttpLink],
) -> None:
    api = Server([OK], [OK])
    http = link(api.url)

    http.ask("POST", "/infer", {}, b"one")
    kept = http._idle[0].sock
    assert kept is not None
    assert kept.recv(1, socket.MSG_PEEK) == b""  # the server's end has arrived
    http.ask("POST", "/infer", {}, b"two")

    api.end()
    assert len(api.requests) == 2


def test_nothing_is_sent_twice_when_the_server_breaks_off(link: Callable[[str], HttpLink]) -> None:
    api = Server([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
    http = link(api.url)

    with pytest.raises(NoAnswerError, match="does not answer"):
        http.ask("POST", "/infer", {}, b"body")

    api.end()
    assert len(api.requests) == 1
    assert not http._idle


def test_an_answer_that_ends_its_connection_is_not_followed_on_it(link: Callable[[str], HttpLink]) -> None:
    closing = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    api = Server([closing], [OK])
    http = link(api.url)

    assert [http.ask("GET", "/", {}).status for _ in range(2)] == [200, 200]
    api.end()


@pytest.mark.parametrize("garbage", [b"no HTTP at all\r\n\r\n", b""], ids=["garbage", "nothing"])
def test_what_is_no_answer_is_said_to_be_none(garbage: bytes, link: Callable[[str], HttpLink]) -> None:
    api = Server([garbage])
    with pytest.raises(NoAnswerError):
        link(api.url).ask("GET", "/", {})
    api.end()


def test_a_server_that_is_away_is_told_by_its_address(link: Callable[[str], HttpLink]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(NoAnswerError, match=url):
        link(url).ask("GET", "/", {})


@pytest.mark.parametrize("body", [b"", b"[1]", b"no json"])
def test_an_answer_without_a_json_object_has_an_empty_one(body: bytes) -> None:
    assert Answer(200, {}, body).json() == {}
