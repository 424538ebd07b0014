"""`python -m local.aws`: the local AWS as a process of its own, until SIGTERM or Ctrl-C."""

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from pydantic import ValidationError

from local.aws.core.loopback import PortInUseError
from local.aws.server import StrictAws


def main(argv: list[str] | None = None) -> int:
    """Serve until told to end; return the exit status."""
    arguments = _parser().parse_args(argv)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        aws = StrictAws(
            boot_s=arguments.boot_s,
            stop_s=arguments.stop_s,
            cache_s=arguments.cache_s,
            port=arguments.port,
            verbose=arguments.verbose,
        )
        with aws:
            _announce(aws.url, arguments.ready_file)
            ended.wait()
    except (PortInUseError, ValidationError, OSError) as error:
        sys.stderr.write(f"local.aws: {_one_line(error)}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.aws", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 (the default) takes a free one")
    parser.add_argument("--boot-s", type=float, default=5.0, help="seconds an instance is pending (default: 5)")
    parser.add_argument("--stop-s", type=float, default=2.0, help="seconds an instance is stopping (default: 2)")
    parser.add_argument("--cache-s", type=float, default=2.0, help="seconds a cache cluster is creating (default: 2)")
    parser.add_argument("--ready-file", type=Path, help='where to write {"url": ...} once the server answers')
    parser.add_argument("--verbose", action="store_true", help="log each request to stderr")
    return parser


def _announce(url: str, ready_file: Path | None) -> None:
    line = json.dumps({"url": url})
    if ready_file:  # written aside and renamed, so that a reader never sees half of it
        aside = ready_file.with_name(f".{ready_file.name}.{os.getpid()}")
        aside.write_text(line + "\n", encoding="utf-8")
        aside.replace(ready_file)
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _one_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"--{str(e['loc'][0]).replace('_', '-')}: {e['msg']}" for e in error.errors())
    return str(error)


if __name__ == "__main__":
    sys.exit(main())
