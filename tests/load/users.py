"""What locust runs: users who each send a prompt every so often, whatever became of the one before.

So the load stays what was asked for when answers take longer (open loop, up to the pace of a user). Not imported by
anything of ours: locust replaces the standard library's sockets and threads.
"""

import itertools
import json
import os
import time
from pathlib import Path
from typing import Any

import gevent  # type: ignore[import-untyped]
from locust import FastHttpUser, events, task
from locust.env import Environment

_FOLDER = Path(os.environ["TL_LOAD_FOLDER"])
_PACE_S = float(os.environ["TL_LOAD_PACE_S"])
_BODY = {"prompt": "Say hi.", "idle": 5}
_NUMBERS = itertools.count()
_TOKENS: list[str] = json.loads((_FOLDER / "tokens.json").read_text())


class Asker(FastHttpUser):
    """One user of the API."""

    network_timeout = connection_timeout = 5.0

    def on_start(self) -> None:
        """Become somebody, and wait for one's turn: all users start at once, their requests shall not."""
        number = next(_NUMBERS)
        self.headers = {"authorization": f"Bearer {_TOKENS[number]}"}
        self.due = time.perf_counter() + number * _PACE_S / len(_TOKENS)
        gevent.sleep(self.due - time.perf_counter())

    def wait_time(self) -> float:
        """Seconds until the next turn. Not locust's own pacing: that takes the wait for the first one for work."""
        self.due += _PACE_S
        return max(0.0, self.due - time.perf_counter())

    @task
    def infer(self) -> None:
        """Send a prompt; anything but a queued job is a failure."""
        with self.client.post("/infer", json=_BODY, headers=self.headers, catch_response=True) as answer:
            if answer.status_code != 202 or _status(answer) != "queued":
                answer.failure(f"{answer.status_code}: {(answer.text or '')[:200]}")


def _status(answer: Any) -> Any:
    try:
        return answer.json()["status"]
    except (ValueError, KeyError):
        return None


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def forget_the_beginning(environment: Environment, **_: Any) -> None:
    """Count only once everybody has asked: connections are made and the router is warm."""
    gevent.spawn_later(_PACE_S, environment.stats.reset_all)


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def report(environment: Environment, **_: Any) -> None:
    """Write what was seen since all users were there; milliseconds."""
    total, errors = environment.stats.total, environment.stats.errors.values()
    found = {
        "requests": total.num_requests,
        "failures": total.num_failures,
        "per_second": total.total_rps,
        **{f"p{percent}": total.get_response_time_percentile(percent / 100) for percent in (50, 95, 99)},
        "max": total.max_response_time,
        "errors": {str(error.error): error.occurrences for error in errors},
    }
    (_FOLDER / "report.json").write_text(json.dumps(found))
