"""Starts every part of the platform, and ends all when one dies: what `tl up` leaves running.

The parts are its children and die with it, whatever ends it (see `processes.spawn`).
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from local.addresses import function_environment, site
from local.announce import announced, write_atomically
from local.aws.seed import seed
from local.platform import start_part
from local.processes import ProcessId
from local.redis_server import HOST, RedisServer, RedisStartError
from local.state import Home, Options, Part, Phase, Queue, State

START_TIMEOUT_S = 60.0
STOP_GRACE_S = 5.0


class PartFailedError(Exception):
    """A part of the platform ended, or never became ready; the text says which and why."""


class EndedError(Exception):
    """Somebody told the platform to end before everything was ready."""


class Platform:
    """All parts on this machine; `start`, `watch`, `stop`."""

    def __init__(self, home: Home, options: Options, aws: subprocess.Popen[bytes]) -> None:
        self._home, self._options = home, options
        self._children = {"aws": aws}
        self._redis = RedisServer()
        self._ended = threading.Event()
        self.state = State(phase=Phase.STARTING, supervisor=ProcessId.of(os.getpid()), options=options)

    def start(self) -> None:
        """Start everything; the state becomes ready as soon as the API answers.

        What takes long to import starts first, and waits for what it is to be told. Raises `PartFailedError`.
        """
        options = self._options
        self._change()
        self._add("aws", self._children["aws"])
        functions, node_site = (self._home.run_dir / name for name in ("functions.json", "site.json"))
        self._launch("gateway", "--port", str(options.port), "--environment", str(functions))
        if options.queue is Queue.REDIS:
            self._start_redis()
        aws_url: str = self._ready("aws")["url"]
        account = seed(aws_url, options.region, queue=options.queue)
        self._change(aws_url=aws_url, account=account)
        write_atomically(functions, json.dumps(function_environment(self.state)))
        self._launch("node", "--site", str(node_site))
        write_atomically(node_site, json.dumps(site(self.state, self._home)))
        self._change(api_url=self._ready("gateway")["url"])
        self._change(phase=Phase.READY)
        self._ready("node")  # nobody needs it before the first boot is over

    def _launch(self, name: str, *arguments: str) -> None:
        child = self._children[name] = start_part(self._home, name, *arguments)
        self._add(name, child)

    def _start_redis(self) -> None:
        started = time.monotonic()
        try:
            child = self._children["redis"] = self._redis.start().process
        except RedisStartError as error:
            raise PartFailedError(f"redis did not start: {error}") from error
        self._add("redis", child)
        self._change(redis_port=self._redis.port)
        self._mark_ready("redis", f"{HOST}:{self._redis.port}", time.monotonic() - started)

    def _ready(self, name: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            self._check_children()
            return announced(self._home.ready_file(name))

        waiting = Retrying(
            stop=stop_after_delay(START_TIMEOUT_S),
            wait=wait_fixed(0.01),
            retry=retry_if_result(lambda facts: facts is None),
        )
        try:
            facts: dict[str, Any] | None = waiting(look)
        except RetryError:
            raise PartFailedError(f"{name} was not ready after {START_TIMEOUT_S:.0f} s") from None
        facts = facts or {}
        since = next(part.since for part in self.state.parts if part.name == name)
        self._mark_ready(name, facts.get("url", ""), time.time() - since)
        return facts

    def _check_children(self) -> None:
        if self._ended.is_set():
            raise EndedError
        for name, child in self._children.items():
            if child.poll() is not None:
                raise PartFailedError(f"{name} (pid {child.pid}) {_how(child.returncode)}")

    def _add(self, name: str, child: subprocess.Popen[bytes]) -> None:
        process = ProcessId.of(child.pid)
        part = Part(name=name, process=process, since=process.create_time)
        self._change(parts=(*self.state.parts, part))

    def _mark_ready(self, name: str, address: str, took_s: float) -> None:
        news = {"address": address, "took_s": round(took_s, 2)}
        parts = (part.model_copy(update=news) if part.name == name else part for part in self.state.parts)
        self._change(parts=tuple(parts))

    def _change(self, **news: Any) -> None:
        self.state = self.state.model_copy(update=news)
        self._home.write(self.state)

    def watch(self) -> None:
        """Wait for `end`. Raises `PartFailedError` as soon as a part is gone."""
        while not self._ended.wait(0.1):
            self._check_children()

    def end(self) -> None:
        """Make `watch` return, or `start` fail; for signal handlers."""
        self._ended.set()

    def stop(self, *, reason: str = "") -> None:
        """End all parts at once; with a reason, leave a note for `tl status`."""
        self._change(phase=Phase.STOPPING)
        for name, child in self._children.items():
            # Nothing of the two's is to be kept, and they take longer to say goodbye than all others together.
            child.kill() if name in {"aws", "redis"} else child.terminate()
        deadline = time.monotonic() + STOP_GRACE_S
        for child in self._children.values():
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if reason:
            self._change(phase=Phase.FAILED, reason=reason, parts=())
        else:
            self._home.forget()


def _how(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def supervise(home: Home, options: Options, aws: subprocess.Popen[bytes]) -> int:
    """Supervise until SIGTERM; exit code 3 when a part failed. `aws` is the part that was started already."""
    platform = Platform(home, options, aws)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: platform.end())
    try:
        platform.start()
        platform.watch()
    except EndedError:
        pass
    except PartFailedError as error:
        sys.stderr.write(f"local.platform: {error}\n")
        platform.stop(reason=str(error))
        return 3
    except BaseException:
        platform.stop(reason="the supervisor failed, see `tl logs supervisor`")
        raise
    platform.stop()
    return 0
