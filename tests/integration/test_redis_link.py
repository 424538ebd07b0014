"""The link to Redis: on the real server, and on one that breaks every promise a server makes."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from local.redis_server import RedisServer
from tests.factories import job
from tests.integration.scripted_redis import Scripted, Step, breaking_off, dripping, silent
from tinyllama.adapters import redis_link
from tinyllama.adapters.redis_admissions import RedisAdmissions
from tinyllama.adapters.redis_link import RedisLink
from tinyllama.domain.errors import QueueUnavailableError

SNAPSHOT: tuple[str, list[str], list[str]] = ("snapshot", ["jobs", "workers", "node:draining"], [])


def own_connections(link: RedisLink) -> int:
    return len(str(link.ask("CLIENT", "LIST")).splitlines())


@pytest.fixture
def serve() -> Iterator[Callable[..., Scripted]]:
    started: list[Scripted] = []

    def start(*steps: Step | bytes) -> Scripted:
        started.append(Scripted(*steps))
        return started[-1]

    yield start
    for server in started:
        server.end()


@pytest.fixture
def own() -> Iterator[RedisServer]:
    """A server that a test may hurt."""
    with RedisServer() as server:
        yield server


def link_to(server: RedisServer | Scripted, timeout_s: float = 1.0) -> RedisLink:
    return RedisLink("127.0.0.1", server.port, timeout_s=timeout_s)


def refusal(link: RedisLink) -> str:
    with pytest.raises(QueueUnavailableError) as caught:
        link.ask("PING")
    return str(caught.value)


class TestOnTheRealServer:
    def test_every_kind_of_answer_arrives_as_what_it_is(self, redis_server: RedisServer) -> None:
        link = link_to(redis_server)
        text = "Grüße, 世界 🦙" * 20_000
        assert link.ask("SET", "link:a", text) == "OK"
        assert link.ask("GET", "link:a") == text
        assert link.ask("STRLEN", "link:a") == len(text.encode())
        assert link.ask("GET", "link:none") is None
        assert link.ask("LRANGE", "link:none", 0, -1) == []
        assert link.ask("DEL", "link:a") == 1

    def test_one_connection_serves_all_calls(self, redis_server: RedisServer) -> None:
        link = link_to(redis_server)
        assert len({link.ask("CLIENT", "ID") for _ in range(20)}) == 1

    def test_a_server_that_forgot_the_scripts_is_told_them_again(self, own: RedisServer) -> None:
        queue = RedisAdmissions(link := link_to(own))
        for _ in range(3):
            link.ask("SCRIPT", "FLUSH")
            assert queue.snapshot().depth == 0
        queue.admit(job())
        assert queue.snapshot().depth == 1
        stats = link.ask("INFO", "commandstats")
        assert "cmdstat_eval:calls=4" in stats, "afterwards the digest is enough"

    def test_a_restart_between_two_calls_goes_unnoticed(self, own: RedisServer) -> None:
        link = link_to(own)
        assert link.ask("PING") == "PONG"
        own.restart()
        assert link.ask("PING") == "PONG"

    def test_a_connection_that_the_server_closed_is_replaced_before_anything_is_sent(
        self, redis_server: RedisServer
    ) -> None:
        link = link_to(redis_server)
        old = link.ask("CLIENT", "ID")
        with redis.Redis(port=redis_server.port) as other:
            other.client_kill_filter(_id=old)
        assert link.ask("CLIENT", "ID") > old

    def test_after_a_long_pause_the_connection_is_a_new_one_whatever_it_looks_like(
        self, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        link = link_to(redis_server)
        now = time.time()
        monkeypatch.setattr("tinyllama.adapters.redis_link.time.time", lambda: now)
        first = link.ask("CLIENT", "ID")
        now += redis_link.IDLE_MAX_S - 1
        assert link.ask("CLIENT", "ID") == first
        now += redis_link.IDLE_MAX_S
        second = link.ask("CLIENT", "ID")
        assert second > first
        now -= 3_600
        assert link.ask("CLIENT", "ID") > second, "a clock that jumps back proves nothing about the pause"

    def test_a_server_that_hangs_is_given_the_timeout_and_is_found_again(self, own: RedisServer) -> None:
        link = link_to(own, 0.05)
        assert link.ask("PING") == "PONG"
        own.pause()
        began = time.monotonic()
        assert refusal(link) == "TimeoutError: timed out"
        assert 0.05 <= time.monotonic() - began < 2
        own.resume()
        assert link.ask("ECHO", "mine") == "mine", "not the answer to what was asked before"

    def test_a_full_memory_is_said_and_the_job_is_not_half_there(self, own: RedisServer) -> None:
        queue = RedisAdmissions(link := link_to(own))
        queue.snapshot()
        link.ask("CONFIG", "SET", "maxmemory", "1")
        with pytest.raises(QueueUnavailableError, match="OOM"):
            queue.admit(job())
        link.ask("CONFIG", "SET", "maxmemory", "0")
        assert link.ask("KEYS", "*") == []

    def test_a_script_that_does_not_end_makes_the_queue_unavailable_until_it_is_killed(self, own: RedisServer) -> None:
        link, other = link_to(own, 5), link_to(own, 5)
        link.ask("CONFIG", "SET", "lua-time-limit", "5")
        with ThreadPoolExecutor(1) as pool:
            loop = pool.submit(other.ask, "EVAL", "while true do end", 0)
            assert "BUSY" in until_refused(link)
            link.ask("SCRIPT", "KILL")
            with pytest.raises(QueueUnavailableError, match="killed"):
                loop.result()
        assert link.ask("PING") == "PONG"

    def test_a_password_that_we_do_not_have_makes_the_queue_unavailable(self, own: RedisServer) -> None:
        link_to(own).ask("CONFIG", "SET", "requirepass", "x")
        assert "NOAUTH" in refusal(link_to(own))

    def test_threads_do_not_get_each_other_s_answers(self, redis_server: RedisServer) -> None:
        link, together = link_to(redis_server, 5), threading.Barrier(8)

        def echo(number: int) -> list[str]:
            together.wait()
            return [link.ask("ECHO", f"{number}-{turn}") for turn in range(50)]

        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(echo, range(8)))
        assert found == [[f"{number}-{turn}" for turn in range(50)] for number in range(8)]

    def test_what_blocks_is_waited_for_and_the_script_runs_behind_it(self, own: RedisServer) -> None:
        link, other = link_to(own, 0.1), link_to(own)
        threading.Timer(0.3, other.ask, ("RPUSH", "list", "x")).start()
        began = time.monotonic()
        answer = link.wait_and_run(("BLPOP", "list", 5), 5.0, *SNAPSHOT)  # a script that the server does not know yet
        assert answer == [0, 0]
        assert 0.25 < time.monotonic() - began < 2
        assert link.wait_and_run(("BLPOP", "list", "0.2"), 0.2, *SNAPSHOT) == [0, 0], "nothing came, the script runs"
        assert link.ask("PING") == "PONG"
        assert own_connections(other) == 2

    def test_what_goes_wrong_while_waiting_makes_the_queue_unavailable(self, own: RedisServer) -> None:
        link = link_to(own, 0.2)
        link.ask("SET", "text", "x")
        with pytest.raises(QueueUnavailableError, match="WRONGTYPE"):
            link.wait_and_run(("BLPOP", "text", 1), 1.0, *SNAPSHOT)
        assert link.ask("PING") == "PONG"


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (silent, "timed out"),
        (dripping, "no answer in time|timed out"),
        (breaking_off(b"*-1\r\n"), "closed by the server"),
        (b"*-1\r\n:1\r\n:2\r\n", "more than two answers"),
        (b"*-1\r\n-OOM command not allowed\r\n", "OOM"),
    ],
)
def test_whatever_happens_while_waiting_is_over_in_time_and_the_next_call_is_on_a_new_connection(
    serve: Callable[..., Scripted], step: Step | bytes, says: str
) -> None:
    server = serve(step, b"+next\r\n")
    link, began = link_to(server, 0.1), time.monotonic()
    with pytest.raises(QueueUnavailableError, match=says):
        link.wait_and_run(("BLPOP", "list", "0.2"), 0.2, *SNAPSHOT)
    assert time.monotonic() - began < 2
    assert link.ask("PING") == "next"
    assert server.connections == 2


def until_refused(link: RedisLink) -> str:
    for _ in range(1_000):
        try:
            link.ask("PING")
        except QueueUnavailableError as error:
            return str(error)
    raise AssertionError("nothing was refused")


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (breaking_off(b""), "ConnectionResetError"),
        (breaking_off(b"$10\r\nabc"), "ConnectionResetError"),
        (breaking_off(b"*2\r\n:1\r\n"), "ConnectionResetError"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "ProtocolError"),
        (b"\x15\x03\x03\x00\x02\x02\x50", "ProtocolError"),
        (b"+OK\r\n+OK\r\n", "more than one answer"),
        (b"+OK\r\n$5\r\nhal", "more than one answer"),
        (b"$2\r\n\xff\xfe\r\n", "UnicodeDecodeError"),
        (b"-LOADING Redis is loading the dataset in memory\r\n", "LOADING"),
        (b"-OOM command not allowed when used memory > 'maxmemory'.\r\n", "OOM"),
        (b"-BUSY Redis is busy running a script.\r\n", "BUSY"),
        (b"-READONLY You can't write against a read only replica.\r\n", "READONLY"),
        (b"-NOSCRIPT No matching script. Please use EVAL.\r\n", "NOSCRIPT"),
        (silent, "timed out"),
        (dripping, "timed out"),
    ],
)
def test_after_any_failure_the_next_call_is_on_a_new_connection_and_nothing_was_sent_twice(
    serve: Callable[..., Scripted], step: Step | bytes, says: str
) -> None:
    server = serve(b"+first\r\n", step, b"+third\r\n")
    link = link_to(server, 0.1)
    assert link.ask("PING") == "first"
    began = time.monotonic()
    assert says in refusal(link)
    assert time.monotonic() - began < 2
    assert link.ask("PING") == "third"
    assert (len(server.requests), server.connections) == (3, 2)


def test_an_answer_that_comes_in_pieces_has_to_be_whole_in_time(serve: Callable[..., Scripted]) -> None:
    def hesitating(connection: socket.socket) -> None:
        time.sleep(0.7)
        connection.sendall(b"$5\r\nhal")

    link = link_to(serve(hesitating), 0.8)
    began = time.monotonic()
    assert "timed out" in refusal(link)
    assert 0.8 <= time.monotonic() - began < 1.4, "no second 0.8 s for the rest"


def test_what_arrives_unasked_is_not_taken_for_the_next_answer(serve: Callable[..., Scripted]) -> None:
    asked = threading.Event()

    def late(connection: socket.socket) -> None:
        connection.sendall(b"+first\r\n")
        asked.wait()
        connection.sendall(b"+stray\r\n")

    server = serve(late, b"+second\r\n")
    link = link_to(server)
    assert link.ask("PING") == "first"
    asked.set()
    deadline = time.monotonic() + 5
    while link._idle[0].usable and time.monotonic() < deadline:
        pass  # until it has arrived
    assert link.ask("PING") == "second"
    assert server.connections == 2


@pytest.mark.parametrize("answers", [(b"-NOSCRIPT x\r\n", b"-NOSCRIPT x\r\n"), (b"-NOSCRIPT x\r\n", breaking_off(b""))])
def test_a_script_is_sent_in_full_once_and_then_given_up(
    serve: Callable[..., Scripted], answers: tuple[Step | bytes, Step | bytes]
) -> None:
    server = serve(*answers)
    with pytest.raises(QueueUnavailableError):
        link_to(server).run("spend", ["throttle:x"], (5, 3_000))
    assert [request.split(b"\r\n")[2] for request in server.requests] == [b"EVALSHA", b"EVAL"]


def test_a_server_that_is_not_there_or_does_not_accept_is_unavailable() -> None:
    assert refusal(RedisLink("127.0.0.1", 9)).startswith("ConnectionRefusedError")
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):  # which fills the queue of those who wait
            assert refusal(RedisLink("127.0.0.1", port)).startswith("TimeoutError")


def test_a_closed_link_connects_again_when_asked(redis_server: RedisServer) -> None:
    link = link_to(redis_server)
    first = link.ask("CLIENT", "ID")
    link.close()
    assert link.ask("CLIENT", "ID") > first
