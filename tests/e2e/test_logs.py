"""Tokens, prompts and replies are in no log of the whole platform, whatever was done with them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from local.addresses import exports
from local.client import Client
from local.state import State
from tests.e2e.test_sqs_story import QUICK, Tl, until

pytestmark = pytest.mark.e2e

MARK = "xylophonequartz"
PROMPT = f"Repeat this after me, letter by letter: {MARK} {MARK} {MARK}"


@pytest.fixture(params=["redis", "sqs"])
def tl(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tl]:
    command = Tl(tmp_path / "home")
    done = command("up", *QUICK, "--queue", request.param)
    assert done.returncode == 0, done.stderr
    yield command
    command.home.clear()


class Talk:
    """Requests of one user, good and bad, each with a secret in it."""

    def __init__(self, state: State) -> None:
        with Client.of_state(state) as client:
            self.token = client.sign_in()
        self.url = exports(state, self.token)["TL_API_URL"]
        self.statuses: set[int] = set()

    def send(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: str = "") -> httpx.Response:
        given = {"authorization": f"Bearer {self.token}", **(headers or {})}
        answer = httpx.request(method, self.url + path, headers=given, content=body, timeout=30)
        self.statuses.add(answer.status_code)
        return answer

    def misbehave(self) -> None:
        """Whatever makes somebody say what was wrong with a request."""
        forged = self.token[:-8] + "AAAAAAAA"
        for headers in ({"authorization": f"Bearer {forged}"}, {"authorization": f"Token {self.token}"}):
            self.send("POST", "/infer", headers, json.dumps({"prompt": PROMPT, "idle": 1}))
        bodies = [f"not JSON {PROMPT}", json.dumps({"prompt": PROMPT, "idle": 99}), json.dumps({PROMPT: self.token})]
        for body in bodies:
            self.send("POST", "/infer", body=body)
        for path in (f"/jobs/{self.token}", f"/infer/{self.token}", f"/health?token={self.token}&q={MARK}"):
            self.send("GET", path)
        self.send("GET", "/health", {"cookie": f"token={self.token}", "referer": f"http://x/{self.token}"})
        self.send("GET", "/health", {"x-long": self.token * 20})

    def answer(self) -> str:
        """The text that the model writes for the prompt."""
        job = self.send("POST", "/infer", body=json.dumps({"prompt": PROMPT, "idle": 1})).json()["id"]
        seen: list[str] = []

        def written() -> bool:
            seen.append(self.send("GET", f"/jobs/{job}").json().get("text", ""))
            return bool(seen[-1])

        until(written, "reply")
        return seen[-1]


def test_no_log_of_the_platform_holds_a_token_a_prompt_or_a_reply(tl: Tl) -> None:
    state = tl.home.read()
    assert state is not None
    talk = Talk(state)
    talk.misbehave()
    reply = talk.answer()
    assert {200, 202, 400, 401, 403, 404, 431} <= talk.statuses
    assert tl("down").returncode == 0
    logs = {path.name: path.read_text(errors="replace") for path in (tl.home.path / "logs").iterdir()}
    assert {"gateway.log", "worker.log", "engine.log", "aws.log", "node.log"} <= set(logs)
    assert '"jwtSub"' in logs["gateway.log"], "the router's records are in it"
    assert '"done"' in logs["worker.log"]
    # A token's beginning is that of every token; a piece of the signature is that of this one.
    secrets = [MARK, talk.token[:20], talk.token.split(".")[2][:20]]
    secrets += [reply[:40]] if len(reply) > 12 else []  # a short one could be a word of any log
    found = [(name, secret) for name, text in logs.items() for secret in secrets if secret in text]
    assert found == []
