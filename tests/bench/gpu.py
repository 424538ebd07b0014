"""`python -m tests.bench.gpu`: what the worker adds to an engine on a GPU; says why when there is none to measure.

Exit code 0 also then: a machine without a GPU has done what it can.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from local.processes import end, spawn
from local.redis_server import HOST, free_port
from tests.bench import table
from tests.bench.rows import Row, save
from tests.bench.worker_engine import rows

RESULT = Path(__file__).resolve().parents[2] / "build" / "bench-gpu.json"
PART, SLOTS, AT_ONCE = "gpu", 16, (1, 4, 8, 16)
MODEL = "TinyLlama/TinyLlama-1.1B-Chat-v1.0"
_GGUF = "TheBloke/TinyLlama-1.1B-Chat-v1.0-GGUF:Q4_K_M"
LOAD_TIMEOUT_S = 600.0


class NothingToMeasureError(Exception):
    """There is no GPU, or no engine on it; the text says which and what to do."""


def main() -> int:
    """Measure, print the table, write `build/bench-gpu.json`; exit code 1 when the engine that was named is away."""
    try:
        with _engine() as (url, gpu):
            model = _model(url)
            found = _measure(url, model)
    except NothingToMeasureError as reason:
        sys.stdout.write(f"bench-gpu: SKIPPED: {reason}\n")
        return 0
    save(RESULT, found)
    table.out.print(f"{table.machine()}\nGPU: {gpu}; model: {model}")
    table.out.print(table.as_table(found))
    return 0


def _measure(url: str, model: str) -> list[Row]:
    with table.progress(PART) as tell:
        return rows(url, model, tell, part=PART, slots=SLOTS, at_once=AT_ONCE)


@contextlib.contextmanager
def _engine() -> Iterator[tuple[str, str]]:
    """The engine's URL and the GPU's name. Raises `NothingToMeasureError`."""
    gpu = gpus()
    if url := os.environ.get("TL_ENGINE_URL"):
        yield url.rstrip("/"), gpu or "not seen from here, TL_ENGINE_URL is trusted to be on one"
        return
    if not gpu:
        raise NothingToMeasureError(
            "no NVIDIA GPU on this machine (nvidia-smi finds none); "
            "TL_ENGINE_URL=http://127.0.0.1:8000 names an engine that is on one"
        )
    with _started(_command(port := free_port()), f"http://{HOST}:{port}") as url:
        yield url, gpu


def gpus() -> str:
    """The names of the NVIDIA GPUs as the driver tells them; empty when there is none."""
    if not shutil.which("nvidia-smi"):
        return ""
    asked = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    answer = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=False)
    return ", ".join(answer.stdout.split("\n")).strip(", ") if answer.returncode == 0 else ""


def _command(port: int) -> list[str]:
    """How docs/engines.md starts an engine, whichever is installed."""
    if shutil.which("vllm"):
        where = ["--host", HOST, "--port", str(port)]
        return ["vllm", "serve", MODEL, *where, "--dtype", "half", "--max-model-len", "2048"]
    if shutil.which("llama-server"):
        where = ["--host", HOST, "--port", str(port)]
        size = ["--n-gpu-layers", "all", "--parallel", str(SLOTS), "--ctx-size", str(SLOTS * 2048)]
        return ["llama-server", "--hf-repo", _GGUF, *where, *size]
    raise NothingToMeasureError(
        "a GPU but no engine: install vLLM (`vllm serve`) or llama.cpp (`llama-server`), or set TL_ENGINE_URL"
    )


@contextlib.contextmanager
def _started(command: list[str], url: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="tl-bench-") as folder:
        log = Path(folder) / "engine.log"
        child = spawn(command, log=log)
        waiting = Retrying(stop=stop_after_delay(LOAD_TIMEOUT_S), wait=wait_fixed(0.5), retry=retry_if_result(_no))
        try:
            if not waiting(lambda: child.poll() is not None or _healthy(url)) or child.poll() is not None:
                raise NothingToMeasureError(f"`{command[0]}` ended: {log.read_text(errors='replace')[-2_000:]}")
            yield url
        except RetryError:
            raise NothingToMeasureError(f"`{command[0]}` was not ready after {LOAD_TIMEOUT_S:g} s") from None
        finally:
            end(child, grace_s=30)


def _no(found: bool) -> bool:
    return not found


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _model(url: str) -> str:
    try:
        answer = httpx.get(f"{url}/v1/models", timeout=10, trust_env=False).raise_for_status()
    except httpx.HTTPError as error:
        sys.exit(f"bench-gpu: {url} does not answer ({error}): start the engine as docs/engines.md says")
    return str(answer.json()["data"][0]["id"])


if __name__ == "__main__":
    sys.exit(main())
