"""The same prompt to the same engine: through the platform, and as somebody would call it who has none."""

import http.client
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any
from urllib.parse import urlsplit

import psutil

from local.addresses import account_of
from local.client import Client
from local.engine import HOST
from local.state import State
from tests.bench.running import client_of, process_of

TIMEOUT_S = 120.0
_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Generated:
    """A reply: seconds until its first text; `count` tells its tokens, and is asked after the clock has stopped."""

    first_s: float
    count: Callable[[], int]


Ask = Callable[[str], Generated]
"""Has a prompt answered."""


class ThroughPlatform:
    """Users' programs: each sends a prompt, and follows the job at the client's own pace until it is done."""

    def __init__(self, state: State, users: Sequence[Client]) -> None:
        self._s3, self._bucket = client_of("s3", state), account_of(state).reply_bucket
        self._users: SimpleQueue[Client] = SimpleQueue()
        for user in users:
            self._users.put(user)

    def ask(self, prompt: str) -> Generated:
        """Generate a reply for a user who has no job; the tokens are in the reply object."""
        user, started, first_s = self._users.get(), time.perf_counter(), 0.0
        try:
            job = user.infer(prompt, idle=30)
            for last in user.follow(job.id):
                if last.text and not first_s:
                    first_s = time.perf_counter() - started
        finally:
            self._users.put(user)
        if last.status != "done":
            raise RuntimeError(f"job {job.id} is {last}")
        return Generated(first_s, lambda: reply_tokens(self._s3, self._bucket, job.id))


def reply_tokens(s3: Any, bucket: str, job_id: str) -> int:
    """The tokens of a reply object."""
    found = s3.get_object(Bucket=bucket, Key=f"{job_id}.json")
    return int(json.load(found["Body"])["usage"]["completion_tokens"])


class Direct:
    """A client of the engine that reads the stream and does nothing with it: nobody can have it for less."""

    def __init__(self, url: str, model: str, generation: Mapping[str, str]) -> None:
        settings = {name.lower(): json.loads(value) for name, value in generation.items()}
        self._asked = {**settings, "model": model, "stream": True, "stream_options": {"include_usage": True}}
        self._address = urlsplit(url).netloc

    def ask(self, prompt: str) -> Generated:
        """Generate a reply, streamed as it is to the worker; the engine's own usage tells the tokens."""
        started = time.perf_counter()
        connection = http.client.HTTPConnection(self._address, timeout=TIMEOUT_S)
        try:
            body = json.dumps({**self._asked, "messages": [{"role": "user", "content": prompt}]})
            connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
            answer, pieces, first_s = connection.getresponse(), list[bytes](), 0.0
            while piece := answer.read1(_CHUNK):
                if not first_s and _has_text(piece):
                    first_s = time.perf_counter() - started
                pieces.append(piece)
        finally:
            connection.close()
        return Generated(first_s, lambda: _tokens(b"".join(pieces)))


def _events(stream: bytes) -> list[dict[str, Any]]:
    lines = (line.removeprefix(b"data:").strip() for line in stream.splitlines() if line.startswith(b"data:"))
    return [json.loads(line) for line in lines if line != b"[DONE]"]


def _has_text(piece: bytes) -> bool:
    return any(choice.get("delta", {}).get("content") for event in _events(piece) for choice in event["choices"])


def _tokens(stream: bytes) -> int:
    found = [event["usage"] for event in _events(stream) if event.get("usage")]
    if not found:
        raise RuntimeError(f"the engine gave no usage: {stream[:200]!r}")
    return int(found[-1]["completion_tokens"])


def engine_below(family: psutil.Process) -> psutil.Process | None:
    """The embedded engine among the processes below this one; None when the engine is somebody else's."""
    below = family.children(recursive=True)
    return next((process for process in below if "local.engine" in process.cmdline()), None)


def engine_url(state: State) -> str:
    """Where the node's engine listens, from its command line: outside the node nobody is told."""
    engine = engine_below(process_of(state))
    if engine is None:
        raise RuntimeError("the node runs no engine")
    words = engine.cmdline()
    return f"http://{HOST}:{words[words.index('--port') + 1]}"
