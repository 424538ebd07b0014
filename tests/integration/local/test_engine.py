"""The embedded model, as a process that speaks OpenAI's HTTP API."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from local.announce import announced
from local.engine import MODEL
from local.processes import end, spawn


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    ready = tmp_path_factory.mktemp("engine") / "ready"
    command = [sys.executable, "-m", "local.engine", "--slots", "2", "--ready-file", str(ready)]
    child = spawn(command)
    try:
        waiting = Retrying(
            stop=stop_after_delay(30), wait=wait_fixed(0.02), retry=retry_if_result(lambda facts: not facts)
        )
        facts: dict[str, Any] | None = waiting(announced, ready)
        assert facts is not None
        yield facts["url"], child
    finally:
        end(child, grace_s=2)


def test_it_is_healthy_and_says_what_it_serves(engine: tuple[str, object]) -> None:
    url, _ = engine
    assert httpx.get(f"{url}/health").status_code == 200
    assert httpx.get(f"{url}/v1/models").json()["data"][0]["id"] == MODEL


def test_it_streams_text_and_then_the_usage(engine: tuple[str, object]) -> None:
    question = {
        "messages": [{"role": "user", "content": "Say hello."}],
        "max_tokens": 12,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    with httpx.stream("POST", f"{engine[0]}/v1/chat/completions", json=question, timeout=50) as answer:
        lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: ")]

    assert lines.pop() == "[DONE]"
    chunks = [json.loads(line) for line in lines]
    text = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
    assert text.strip()
    assert 1 <= chunks[-1]["usage"]["completion_tokens"] <= 12


def test_sigterm_ends_it_at_once_even_while_it_generates(engine: tuple[str, subprocess.Popen[bytes]]) -> None:
    url, child = engine
    question = {"messages": [{"role": "user", "content": "Count."}], "stream": True, "ignore_eos": True}
    with httpx.stream("POST", f"{url}/v1/chat/completions", json=question, timeout=50) as answer:
        next(answer.iter_lines())
        asked = time.monotonic()
        child.terminate()
        assert child.wait(5) == 0
        assert time.monotonic() - asked < 3  # not when the text is written


def test_without_the_model_it_says_what_to_install(tmp_path: Path) -> None:
    script = "import sys; import local.engine as e; e.importlib.util.find_spec = lambda _: None; sys.exit(e.main([]))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "make setup" in done.stderr
    assert "Traceback" not in done.stderr
