"""The API as a user's program sees it: signs in, asks, follows, cancels."""

import dataclasses
import json
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential

from local.addresses import account_of
from local.aws.account import Account
from local.http_link import Answer, HttpLink, NoAnswerError
from local.state import Home, State
from tinyllama.domain.looks import Beat, Share

PATIENCE_S = 10.0
"""How long `follow` puts up with a queue that is away, or with being told to ask less often."""
_ERROR, _RATE_LIMITED = 400, 429
_AGENT = {"user-agent": "tinyllama"}
_PASSING = frozenset({429, 503})
FINAL = frozenset({"done", "failed", "expired", "cancelled"})


class NotRunningError(Exception):
    """There is no platform to talk to, or it does not answer."""


class RefusedError(Exception):
    """The API said no; `body` is its JSON with `error`, `retry_after_s` what it asked to wait."""

    def __init__(self, answer: Answer) -> None:
        self.status, self.body = answer.status, answer.json()
        self.code = str(self.body.get("error", f"http_{self.status}"))
        self.request_id = answer.headers.get("x-request-id", "")
        self.retry_after_s = int(answer.headers.get("retry-after", 0))
        super().__init__(f"{self.status} {self.code}")


@dataclasses.dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted prompt; `eta_s` is there when the node had to be woken."""

    id: str
    status: str
    eta_s: int | None
    cold: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Progress:
    """A job as it is now; `text` is all of it so far."""

    status: str
    text: str
    error: str | None

    @property
    def final(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in FINAL

    @property
    def stage(self) -> tuple[str, bool]:
        """What changes seldom: the status, and whether there is any text."""
        return self.status, bool(self.text)


@dataclasses.dataclass(frozen=True, slots=True)
class Health:
    """Whether a prompt would be served now (`ready`, `starting`, `stopped`)."""

    status: str
    eta_s: int | None


class Client:
    """A signed-in user; a context manager. Methods raise `RefusedError` and `NotRunningError`.

    >>> with Client.of_home() as client:
    ...     job = client.infer("What is a lease?", idle=5)
    ...     for progress in client.follow(job.id):
    ...         print(progress.status, progress.text)
    """

    def __init__(self, api_url: str, aws_url: str, account: Account, *, timeout_s: float = 10.0) -> None:
        self._api, self._aws, self._account = HttpLink(api_url, timeout_s), HttpLink(aws_url, timeout_s), account
        self._token = ""
        self._share, self._share_lock = Share(), threading.Lock()

    @classmethod
    def of_state(cls, state: State) -> Self:
        """A client of the platform that this state describes."""
        return cls(state.api_url, state.aws_url, account_of(state))

    @classmethod
    def of_home(cls, home: Home | None = None) -> Self:
        """A client of the platform that runs. Raises `NotRunningError`."""
        state = (home or Home()).read()
        if state is None or not state.serving:
            raise NotRunningError("the platform is not running")
        return cls.of_state(state)

    def sign_in(self) -> str:
        """Sign in at Cognito and return the ID token, which lives an hour."""
        account = self._account
        question = {
            "ClientId": account.client_id,
            "AuthFlow": "USER_PASSWORD_AUTH",
            "AuthParameters": {"USERNAME": account.username, "PASSWORD": account.password},
        }
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": "AWSCognitoIdentityProviderService.InitiateAuth",
        }
        answer = _send(self._aws, "POST", "/", headers, question)
        if answer.status >= _ERROR:
            raise RefusedError(answer)
        self._token = str(answer.json()["AuthenticationResult"]["IdToken"])
        return self._token

    def infer(self, prompt: str, *, idle: int = 5) -> Accepted:
        """Send a prompt; `idle` is how many minutes the node stays awake afterwards."""
        answer = self._ask("POST", "/infer", {"prompt": prompt, "idle": idle})
        body = _accepted(answer)
        return Accepted(body["id"], body["status"], body.get("eta"), "x-gpu-coldboot" in answer.headers)

    def job(self, job_id: str, *, wait_s: float = 0.0) -> Progress:
        """Look at a job; the answer about one that runs comes when it has ended, or after `wait_s`, 10 at most."""
        query = f"?wait={wait_s:.3f}" if wait_s > 0 else ""
        body = _accepted(self._ask("GET", f"/jobs/{job_id}{query}"))
        return Progress(body["status"], body.get("text") or body.get("partial") or "", body.get("error"))

    def follow(self, job_id: str) -> Iterator[Progress]:
        """Look at a job until it is final; yields each look. A 503 or 429 that passes is waited for.

        How often: `tinyllama.domain.looks`. All jobs that a client follows share what it may look at.
        """
        patient = Retrying(
            stop=stop_after_delay(PATIENCE_S),
            wait=wait_exponential(multiplier=0.2, max=2.0),
            retry=retry_if_exception(lambda error: isinstance(error, RefusedError) and error.status in _PASSING),
            reraise=True,
        )
        beat, progress = Beat(time.monotonic()), patient(self._look, job_id)
        while not progress.final:
            yield progress
            writes, now = bool(progress.text), time.monotonic()
            due = now + beat.wait_s(now, progress.stage, writes=writes)
            if not writes:
                time.sleep(due - now)
            progress = patient(self._look, job_id, due - now if writes else 0.0)
            if not progress.final:
                time.sleep(max(0.0, due - time.monotonic()))  # there was nothing to wait for
        yield progress

    def _look(self, job_id: str, wait_s: float = 0.0) -> Progress:
        while (short_s := self._short_of_s()) > 0:
            time.sleep(short_s)
        try:
            return self.job(job_id, wait_s=wait_s)
        except RefusedError as error:
            if error.status == _RATE_LIMITED:
                with self._share_lock:
                    self._share.empty(time.monotonic())
            raise

    def _short_of_s(self) -> float:
        with self._share_lock:
            return self._share.wait_s(time.monotonic())

    def cancel(self, job_id: str) -> bool:
        """Cancel a job; false when it was finished already."""
        answer = self._ask("DELETE", f"/jobs/{job_id}")
        if answer.status == 409:
            return False
        _accepted(answer)
        return True

    def health(self) -> Health:
        """Ask whether the node is awake; asleep is an answer, not an error."""
        answer = self._ask("GET", "/health")
        body = answer.json()
        if "status" not in body:
            raise RefusedError(answer)
        return Health(body["status"], body.get("eta"))

    def stop(self) -> None:
        """Put the node to sleep."""
        _accepted(self._ask("POST", "/stop"))

    def _ask(self, method: str, path: str, body: Any = None) -> Answer:
        fresh = not self._token
        answer = _send(self._api, method, path, {"authorization": f"Bearer {self._token or self.sign_in()}"}, body)
        if answer.status == 403 and not fresh:  # the token's hour is over
            answer = _send(self._api, method, path, {"authorization": f"Bearer {self.sign_in()}"}, body)
        return answer

    def close(self) -> None:
        """Let go of connections."""
        self._api.close()
        self._aws.close()

    def __enter__(self) -> Self:
        """Nothing is sent before the first question."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Let go of connections."""
        self.close()


def _send(link: HttpLink, method: str, path: str, headers: dict[str, str], body: Any) -> Answer:
    data = None if body is None else json.dumps(body).encode()
    kind = {"content-type": "application/json"} if data else {}
    try:
        return link.ask(method, path, {**_AGENT, **kind, **headers}, data)
    except NoAnswerError as error:
        raise NotRunningError(str(error)) from error


def _accepted(answer: Answer) -> dict[str, Any]:
    if answer.status >= _ERROR:
        raise RefusedError(answer)
    return answer.json()
