"""`python -m tests.bench [PART ...]`: measures, prints the table, and writes it to `build/bench.json`."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench import registry, table
from tests.bench.batches import longer
from tests.bench.rows import Row, load, merge, save

RESULT = Path(__file__).resolve().parents[2] / "build" / "bench.json"


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0 when everything was measured, 1 when `--strict` and a goal is not met, 2 for a part that is none."""
    arguments = _parser().parse_args(argv)
    try:
        parts = registry.chosen(arguments.part or os.environ.get("ONLY", "").split())
        longer()
    except (registry.UnknownPartError, ValueError) as error:
        sys.stderr.write(f"tests.bench: {error}\n")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that what was started is ended
    machine = table.machine()  # before our own load counts
    fresh: list[Row] = []
    for part in parts:
        found = _measure(part)
        fresh += found
        # After every part: what a later one breaks off with costs nothing that was measured.
        save(arguments.output, merge(load(arguments.output), found, [part], list(registry.PARTS)))
    table.out.print(machine)
    table.out.print(table.as_table(fresh))  # not the kept rows, which may tell of another machine
    return 1 if arguments.strict and any(one.failed for one in fresh) else 0


def _measure(part: str) -> Sequence[Row]:
    with table.progress(part) as tell:
        return registry.measure_of(part)(tell)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure against other ways.")
    parser.add_argument("part", nargs="*", help=f"{', '.join(registry.PARTS)}; all by default, or what ONLY says")
    parser.add_argument("--strict", action="store_true", help="exit with 1 unless every goal is met")
    parser.add_argument("--output", type=Path, default=RESULT, help="where to write (default: build/bench.json)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
