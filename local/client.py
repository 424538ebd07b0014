"""The API as a user's program sees it: signs in, asks, follows, cancels."""

import dataclasses
import json
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import urllib3
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from local.addresses import account_of
from local.aws.account import Account
from local.state import Home, State

POLL_S = 0.2
"""Often enough to read along, and as often as a worker publishes; each look costs the API what a prompt costs."""
PATIENCE_S = 10.0
"""How long `follow` puts up with a queue that is away, or with being told to ask less often."""
_ERROR = 400
_PASSING = frozenset({429, 503})
FINAL = frozenset({"done", "failed", "expired", "cancelled"})


class NotRunningError(Exception):
    """There is no platform to talk to, or it does not answer."""


class RefusedError(Exception):
    """The API said no; `body` is its JSON with `error`, `retry_after_s` what it asked to wait."""

    def __init__(self, answer: urllib3.BaseHTTPResponse) -> None:
        self.status, self.body = answer.status, _json(answer)
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
        self._api_url, self._aws_url, self._account = api_url, aws_url, account
        # urllib3: a look is taken five times a second, beside a model that wants the processor. It asks no proxy.
        self._http = urllib3.PoolManager(retries=False, timeout=timeout_s)
        self._token = ""

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
        answer = self._send("POST", self._aws_url, headers, question)
        if answer.status >= _ERROR:
            raise RefusedError(answer)
        self._token = str(answer.json()["AuthenticationResult"]["IdToken"])
        return self._token

    def infer(self, prompt: str, *, idle: int = 5) -> Accepted:
        """Send a prompt; `idle` is how many minutes the node stays awake afterwards."""
        answer = self._ask("POST", "/infer", {"prompt": prompt, "idle": idle})
        body = _accepted(answer)
        return Accepted(body["id"], body["status"], body.get("eta"), "x-gpu-coldboot" in answer.headers)

    def job(self, job_id: str) -> Progress:
        """Look at a job."""
        body = _accepted(self._ask("GET", f"/jobs/{job_id}"))
        return Progress(body["status"], body.get("text") or body.get("partial") or "", body.get("error"))

    def follow(self, job_id: str, *, every_s: float = POLL_S) -> Iterator[Progress]:
        """Look at a job every `every_s` until it is final; yields each look. A 503 or 429 that passes is waited for."""
        patient = Retrying(
            stop=stop_after_delay(PATIENCE_S),
            wait=wait_fixed(max(every_s, POLL_S)),
            retry=retry_if_exception(lambda error: isinstance(error, RefusedError) and error.status in _PASSING),
            reraise=True,
        )
        due = time.monotonic()
        while not (progress := patient(self.job, job_id)).final:
            yield progress
            now = time.monotonic()
            due = max(due + every_s, now)  # what a look takes is part of the pause
            time.sleep(due - now)
        yield progress

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
        body = _json(answer)
        if "status" not in body:
            raise RefusedError(answer)
        return Health(body["status"], body.get("eta"))

    def stop(self) -> None:
        """Put the node to sleep."""
        _accepted(self._ask("POST", "/stop"))

    def _ask(self, method: str, path: str, body: Any = None) -> urllib3.BaseHTTPResponse:
        fresh = not self._token
        url = f"{self._api_url}{path}"
        answer = self._send(method, url, {"authorization": f"Bearer {self._token or self.sign_in()}"}, body)
        if answer.status == 403 and not fresh:  # the token's hour is over
            answer = self._send(method, url, {"authorization": f"Bearer {self.sign_in()}"}, body)
        return answer

    def _send(self, method: str, url: str, headers: dict[str, str], body: Any) -> urllib3.BaseHTTPResponse:
        data = None if body is None else json.dumps(body).encode()
        kind = {"content-type": "application/json"} if data else {}
        try:
            return self._http.request(method, url, headers={**kind, **headers}, body=data)
        except urllib3.exceptions.HTTPError as error:
            raise NotRunningError(f"{url} does not answer: {error}") from error

    def close(self) -> None:
        """Let go of connections."""
        self._http.clear()

    def __enter__(self) -> Self:
        """Nothing is sent before the first question."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Let go of connections."""
        self.close()


def _json(answer: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _accepted(answer: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    if answer.status >= _ERROR:
        raise RefusedError(answer)
    return _json(answer)
