"""The runbook `smoke.yml`: S3 and CloudWatch of the strict local AWS, behind an API that does as each test says."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.ansible.conftest import Cloud, Run

BUCKET = "tlfif-responses-123456789012"
Smoke = Callable[..., Run]


class Api:
    """What the API answers to a prompt, and what it leaves in S3 for it."""

    def __init__(self, s3: Any) -> None:
        self.s3, self.status, self.reply = s3, 202, {"id": "job-1", "text": "hello"}
        self.prompts: list[str] = []
        self.authorization: str | None = "Bearer a-token"  # None: any

    def handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer(503, {"status": "stopped"})

            def do_POST(self) -> None:
                assert api.authorization in {None, self.headers["Authorization"]}
                api.prompts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["prompt"])
                if api.status == 202:
                    api.s3.put_object(Bucket=BUCKET, Key="job-1.json", Body=json.dumps(api.reply).encode())
                self.answer(api.status, {"id": "job-1", "status": "queued"} if api.status == 202 else {"error": "x"})

            def answer(self, status: int, body: Any) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        return Handler


@pytest.fixture
def api(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    api = Api(cloud.aws.client("s3"))
    with ThreadingHTTPServer(("127.0.0.1", 0), api.handler()) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("TL_API_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("TL_TOKEN", "a-token")
        monkeypatch.setenv("REPLY_BUCKET", BUCKET)
        cloud.aws.clear()
        yield api
        server.shutdown()


def test_a_reply_in_time_passes_and_leaves_artefacts_and_a_metric(
    cloud: Cloud, api: Api, runbook: Smoke, tmp_path: Path
) -> None:
    checked = runbook("smoke", "--check")
    assert (checked.code, api.prompts, cloud.writes("cloudwatch"), cloud.writes("logs")) == (0, [], [], [])
    run = runbook("smoke", folder=str(tmp_path / "kept"))
    assert run.code == 0, run.output
    assert "passed in" in run.output
    assert len(api.prompts) == 1
    assert json.loads((tmp_path / "kept" / "reply.json").read_text())["text"] == "hello"
    assert " s passed: " in (tmp_path / "kept" / "timing.txt").read_text()
    assert cloud.writes("cloudwatch") == ["PutMetricData"]
    assert "a-token" not in run.output + json.dumps(run.audit)
    assert run.audit[-1]["what"] == "smoke"


def test_a_reply_with_an_error_fails(api: Api, runbook: Smoke, tmp_path: Path) -> None:
    api.reply = {"id": "job-1", "error": "engine_down"}
    run = runbook("smoke", folder=str(tmp_path / "kept"))
    assert run.code == 2
    assert "the reply says: engine_down" in run.output
    assert (tmp_path / "kept" / "timing.txt").exists()
    assert run.audit[-1]["outcome"] == "failed"


def test_a_refused_token_says_what_to_do(api: Api, runbook: Smoke, tmp_path: Path) -> None:
    api.status = 403
    run = runbook("smoke", folder=str(tmp_path / "kept"))
    assert run.code == 2
    assert "sign in again" in run.output


def test_without_a_token_or_a_smoke_user_nothing_is_sent(
    api: Api, runbook: Smoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TL_TOKEN")
    run = runbook("smoke")
    assert run.code == 2
    assert "no smoke user is stored: run playbooks/rotate_smoke_user.yml, or give TL_TOKEN" in run.output
    assert (api.prompts, run.audit[-1]["outcome"]) == ([], "refused")
