"""The queues that a storm can be raised on: real ones, which the harness reaches through the ports alone."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

import tenacity

from local.aws.queue import create_queue
from local.redis_server import RedisServer
from tests.chaos.network import Network
from tests.chaos.store import REGION, Store
from tinyllama.adapters import queues
from tinyllama.adapters.aws_json import AwsJson, Keys
from tinyllama.domain.errors import QueueUnavailableError
from tinyllama.domain.limits import QueueLimits
from tinyllama.domain.throttle import ThrottlePolicy
from tinyllama.ports import Admissions
from tinyllama.settings import QueueSettings

_UNTHROTTLED = ThrottlePolicy(burst=1_000_000, interval_ms=1)
_SHORT_LIFE_S = 1
T = TypeVar("T")


class Queue(Protocol):
    """A queue that can be hurt."""

    def api(self, *, short_lived: bool = False) -> Admissions:
        """The API's side, for one thread; `short_lived` jobs expire after a second without a worker."""

    def settings(self, worker: int, network: Network) -> dict[str, str]:
        """What tells a worker where the queue is."""

    def kill(self) -> None:
        """End it as a lost machine would."""

    def restart(self, *, empty: bool) -> None:
        """Start it again, with its data or without."""

    def pause(self) -> None:
        """Let it answer nobody."""

    def resume(self) -> None:
        """Let it answer again."""

    def close(self) -> None:
        """End it for good."""


def _limits(*, short_lived: bool) -> QueueLimits:
    life = {"job_ttl_s": _SHORT_LIFE_S} if short_lived else {}
    return QueueLimits(max_queued=100_000, throttle=_UNTHROTTLED, polls=_UNTHROTTLED, **life)


class RedisQueue:
    """redis-server with an append-only file, so that it can come back with its data."""

    restarts, skew_max_s = True, 3_600.0

    def __init__(self, folder: Path, _store: Store) -> None:
        self._folder = folder / "redis"
        self._folder.mkdir()
        # Not `everysec`: while it syncs it holds writes back that it has acknowledged, and a kill would lose them.
        options = {"--appendonly": "yes", "--appendfsync": "no", "--dir": str(self._folder)}
        self._server = RedisServer(options=options).start()

    def api(self, *, short_lived: bool = False) -> Admissions:
        where = QueueSettings(tl_queue="redis", redis_host="127.0.0.1", redis_port=self._server.port)
        limits = _limits(short_lived=short_lived)
        return queues.api_queue(where, redis_timeout_s=0.25, limits=limits).admissions

    def settings(self, worker: int, network: Network) -> dict[str, str]:
        host, port = network.address(worker, self._server.port)
        return {"TL_QUEUE": "redis", "REDIS_HOST": host, "REDIS_PORT": str(port)}

    def kill(self) -> None:
        self._server.kill()

    def restart(self, *, empty: bool) -> None:
        self._server.kill()
        if empty:
            for file in self._folder.iterdir():
                file.unlink()
        self._server.start()

    def pause(self) -> None:
        self._server.pause()

    def resume(self) -> None:
        self._server.resume()

    def close(self) -> None:
        self._server.stop()


class SqsQueue:
    """SQS and DynamoDB on the strict local AWS. They may be silent; they do not forget, and clocks must be fair."""

    restarts, skew_max_s = False, 20.0

    def __init__(self, _folder: Path, aws: Store) -> None:
        self._aws = aws
        clients = (aws.session.client(service, endpoint_url=aws.url) for service in ("sqs", "dynamodb"))
        self._url, self._table = create_queue(*clients)

    def api(self, *, short_lived: bool = False) -> Admissions:
        where = QueueSettings(tl_queue="sqs", queue_url=self._url, queue_table=self._table, aws_region=REGION)
        keys = Keys("testing", "testing", None)
        calls = AwsJson(REGION, timeout_s=1.0, keys=lambda: keys, endpoint_url=self._aws.url)
        limits = _limits(short_lived=short_lived)
        return queues.api_queue(where, redis_timeout_s=1.0, limits=limits, aws=calls).admissions

    def settings(self, worker: int, network: Network) -> dict[str, str]:
        return {"TL_QUEUE": "sqs", "QUEUE_URL": self._url, "QUEUE_TABLE": self._table}

    def kill(self) -> None:
        raise NotImplementedError("AWS's queue is not ours to kill")

    def restart(self, *, empty: bool) -> None:
        raise NotImplementedError("AWS's queue is not ours to restart")

    def pause(self) -> None:
        self._aws.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._aws.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self.resume()


QUEUES: dict[str, type[RedisQueue] | type[SqsQueue]] = {"redis": RedisQueue, "sqs": SqsQueue}


def answer(call: Callable[[], T]) -> T:
    """The answer of a queue that should be well, but is given half a minute to get there."""
    again = tenacity.retry_if_exception_type(QueueUnavailableError)
    for attempt in tenacity.Retrying(
        retry=again, wait=tenacity.wait_fixed(0.1), stop=tenacity.stop_after_delay(30), reraise=True
    ):
        with attempt:
            result = call()
    return result
