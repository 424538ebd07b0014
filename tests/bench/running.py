"""The whole platform for a while: started by `tl` as a user would, gone afterwards."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import boto3
import psutil
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from local.addresses import CREDENTIALS, account_of
from local.client import Client
from local.processes import ROOT
from local.redis_server import HOST
from local.state import Home, State
from tinyllama.adapters.redis_admissions import RedisAdmissions
from tinyllama.adapters.redis_link import RedisLink

READY_TIMEOUT_S = 60.0
_QUICK = ("--port", "0", "--boot-s", "0", "--stop-s", "0")


@contextlib.contextmanager
def platform(**environment: str) -> Iterator[State]:
    """`tl up` with no simulated boot; `environment` is what every part of it sees besides ours."""
    with tempfile.TemporaryDirectory(prefix="tl-bench-") as folder:
        home = Home(Path(folder))
        try:
            _up(home, environment)
            yield _serving(home)
        finally:
            home.clear()


def _up(home: Home, environment: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", "local", "up", *_QUICK]
    settings = {**os.environ, **environment, "TL_HOME": str(home.path)}
    with subprocess.Popen(command, env=settings, cwd=ROOT, stderr=subprocess.PIPE, text=True) as child:
        try:
            _, told = child.communicate()
        except BaseException:
            child.wait()  # only then is it known what it has started, and has to be ended
            raise
    if child.returncode:
        raise RuntimeError(f"tl up failed: {told}")


def _serving(home: Home) -> State:
    state = home.read()
    if state is None or not state.serving:
        raise RuntimeError("the platform was there and is gone")
    return state


def client_of(service: Literal["s3", "cognito-idp"], state: State) -> Any:
    """A client of the local AWS."""
    return boto3.client(
        service,
        endpoint_url=state.aws_url,
        region_name=account_of(state).region,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )


def process_of(state: State) -> psutil.Process:
    """The supervisor, from which everything descends."""
    found = state.supervisor.find()
    if found is None:
        raise RuntimeError("the platform is gone")
    return found


def users(state: State, number: int) -> Iterator[Client]:
    """So many users of their own, signed in."""
    cognito, account = client_of("cognito-idp", state), account_of(state)
    for name in (f"bench-{place}@example.com" for place in range(number)):
        who = {"UserPoolId": account.user_pool_id, "Username": name}
        cognito.admin_create_user(**who, MessageAction="SUPPRESS")
        cognito.admin_set_user_password(**who, Password=account.password, Permanent=True)
        client = Client(state.api_url, state.aws_url, account.model_copy(update={"username": name}))
        client.sign_in()
        yield client


class Queue:
    """What the bench has to know of the queue, and to change in it."""

    def __init__(self, state: State) -> None:
        self._link = RedisLink(HOST, state.redis_port, timeout_s=5)
        self._admissions = RedisAdmissions(self._link)

    def await_worker(self, *, ready: bool) -> None:
        """Wait until a worker with a loaded model is there, or none is."""
        Retrying(
            stop=stop_after_delay(READY_TIMEOUT_S),
            wait=wait_fixed(0.01),
            retry=retry_if_result(lambda seen: seen is not ready),
        )(lambda: self._admissions.snapshot().worker_ready)

    def forgive(self) -> None:
        """Fill everybody's token bucket: what is measured is not how well the throttle holds."""
        for key in self._link.ask("KEYS", "throttle:*"):
            self._link.ask("DEL", key)


def wake(client: Client, queue: Queue) -> float:
    """Ask a sleeping node for something; seconds until a worker with a loaded model is ready.

    Counted from before the request, so a little more than from EC2's start event.
    """
    started = time.perf_counter()
    job = client.infer("Say hi.", idle=30)
    queue.await_worker(ready=True)
    took = time.perf_counter() - started
    client.cancel(job.id)
    return took
