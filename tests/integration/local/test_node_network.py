"""A process alone in its network reaches the ports that were opened for it, and no other."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from local.node_network import forwarded, listen_inside

TALK = """
import socket, sys
heard = b""
try:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5) as link:
        link.sendall(b"x" * int(sys.argv[2]))
        link.shutdown(socket.SHUT_WR)
        while some := link.recv(65536):
            heard += some
except ConnectionRefusedError:
    sys.exit("refused")
except ConnectionError:  # by what a cut link shows itself is a matter of who was quicker
    pass
except OSError as error:
    if error.errno != 107:  # not connected (any more)
        raise
sys.exit(f"{len(heard)} {set(heard) <= {ord('X')}}")
"""


@pytest.fixture
def alone() -> Iterator[int]:
    """The pid of a process in a network of its own, whose loopback is up."""
    up = "ip link set lo up && echo up && exec sleep 60"
    command = ["unshare", "--net", "sh", "-c", up]
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except FileNotFoundError:
        pytest.skip("unshare (util-linux) is not on this machine")
    with process:
        assert process.stdout is not None
        if process.stdout.readline() != "up\n":
            pytest.skip("no network namespace can be made here: it needs Linux, root and iproute2")
        yield process.pid
        process.kill()


@pytest.fixture
def shouting() -> Iterator[int]:
    """The port of a server that answers in capitals what it was told, once it was told all of it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            with link:
                told = b""
                while some := link.recv(65_536):
                    told += some
                link.sendall(told.upper())

    threading.Thread(target=serve, daemon=True).start()
    with closing(listener):
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def talk(pid: int, port: int, size: int = 1) -> str:
    inside = ["nsenter", f"--target={pid}", "--net", sys.executable, "-c", TALK, str(port), str(size)]
    return subprocess.run(inside, capture_output=True, text=True, check=False).stderr.strip()


def test_an_opened_port_leads_out_whole_and_in_both_directions(alone: int, shouting: int) -> None:
    with forwarded(alone, {("127.0.0.1", 80): ("127.0.0.1", shouting)}):
        assert talk(alone, 80, 1_000_000) == "1000000 True"


def test_every_other_port_and_every_port_afterwards_is_closed(alone: int, shouting: int) -> None:
    with forwarded(alone, {("127.0.0.1", 80): ("127.0.0.1", shouting)}):
        assert talk(alone, shouting) == "refused"
    assert talk(alone, 80) == "refused"


def test_a_port_that_leads_nowhere_hangs_up_and_the_others_go_on(alone: int, shouting: int) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as closed:
        nowhere = closed.getsockname()[1]
    doors = {("127.0.0.1", 80): ("127.0.0.1", nowhere), ("127.0.0.1", 81): ("127.0.0.1", shouting)}
    with forwarded(alone, doors):
        assert talk(alone, 80) == "0 True"
        assert talk(alone, 81, 10) == "10 True"


def test_a_process_that_is_gone_is_named(alone: int) -> None:
    with pytest.raises(OSError, match="No such file"):
        listen_inside(4_194_304, ("127.0.0.1", 80))
