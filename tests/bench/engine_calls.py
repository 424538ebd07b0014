"""The same prompt to the same engine: through the platform, and as somebody would call it who has none."""

import json
from collections.abc import Callable, Mapping, Sequence
from queue import SimpleQueue

import httpx

from local.addresses import account_of
from local.client import Client
from local.engine import HOST, MODEL
from local.state import State
from tests.bench.running import client_of, process_of

TIMEOUT_S = 120.0


class ThroughPlatform:
    """Users' programs: each sends a prompt, and follows the job at the client's own pace until it is done."""

    def __init__(self, state: State, users: Sequence[Client]) -> None:
        self._s3, self._bucket = client_of("s3", state), account_of(state).reply_bucket
        self._users: SimpleQueue[Client] = SimpleQueue()
        for user in users:
            self._users.put(user)

    def ask(self, prompt: str) -> Callable[[], int]:
        """Generate a reply for a user who has no job; the tokens are in the reply object."""
        user = self._users.get()
        try:
            job = user.infer(prompt, idle=30)
            *_, last = user.follow(job.id)
        finally:
            self._users.put(user)
        if last.status != "done":
            raise RuntimeError(f"job {job.id} is {last}")
        return lambda: self._tokens(job.id)

    def _tokens(self, job_id: str) -> int:
        found = self._s3.get_object(Bucket=self._bucket, Key=f"{job_id}.json")
        return int(json.load(found["Body"])["usage"]["completion_tokens"])


class Direct:
    """A client of the engine; its own usage tells the tokens."""

    def __init__(self, state: State, generation: Mapping[str, str]) -> None:
        self._asked = {name.lower(): json.loads(value) for name, value in generation.items()}
        self._http = httpx.Client(base_url=_engine_url(state), timeout=TIMEOUT_S, trust_env=False)

    def ask(self, prompt: str) -> Callable[[], int]:
        """Generate a reply in one piece: streaming, which the platform does, costs the processor more."""
        body = {**self._asked, "model": MODEL, "messages": [{"role": "user", "content": prompt}]}
        answer = self._http.post("/v1/chat/completions", json=body).raise_for_status()
        return lambda: int(answer.json()["usage"]["completion_tokens"])

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()


def _engine_url(state: State) -> str:
    """Where the node's engine listens, from its command line: outside the node nobody is told."""
    for process in process_of(state).children(recursive=True):
        words = process.cmdline()
        if "local.engine" in words:
            return f"http://{HOST}:{words[words.index('--port') + 1]}"
    raise RuntimeError("the node runs no engine")
