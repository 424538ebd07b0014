"""`python -m tests.chaos`: storms from seeds, on real processes. Exit code 1 when a promise was broken."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from tests.chaos.network import enter, inside, way_in
from tests.chaos.plan import Size, draw
from tests.chaos.report import show, summary
from tests.chaos.storm import run
from tests.chaos.world import QUEUES

RESULT = Path(__file__).resolve().parents[2] / "build" / "chaos.json"
MINUTES_MAX = 2.0


def main(argv: Sequence[str]) -> int:
    """Run one storm with the queue's data safe, and a shorter one in which a queue that can forgets everything."""
    arguments = _parser().parse_args(argv)
    console = Console()
    if arguments.network != "relays" and not inside():
        way = way_in()
        if way:
            return enter(way, argv)
        console.print("chaos: no network namespaces here, cuts are made in TCP relays")
        if arguments.network == "namespaces":
            return 2
    seconds = min(arguments.minutes, MINUTES_MAX) * 60
    blows = arguments.blows or round(seconds * 1.5)
    kind = QUEUES[arguments.queue]
    size = Size(arguments.workers, arguments.jobs, seconds, blows, restarts=kind.restarts, skew_max_s=kind.skew_max_s)
    storms = [size]
    if kind.restarts and not arguments.no_loss:
        storms.append(replace(size, jobs=size.jobs // 5, seconds=seconds / 5, blows=blows // 5, loss=True))
    told = []
    for size in storms:
        outcome = run(draw(arguments.seed, size), queue=arguments.queue)
        show(outcome, console)
        told.append(summary(outcome))
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(json.dumps(told, indent=2) + "\n")
    return 1 if any(each["broken_promises"] for each in told) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same plan (default: 1)")
    parser.add_argument("--minutes", type=float, default=1.5, help=f"of storm, at most {MINUTES_MAX:g} (default: 1.5)")
    parser.add_argument("--jobs", type=int, default=3_000, help="prompts in that time (default: 3000)")
    parser.add_argument("--workers", type=int, default=8, help="worker processes (default: 8)")
    parser.add_argument("--blows", type=int, default=0, help="what is done to them (default: 1.5 a second)")
    parser.add_argument("--queue", choices=sorted(QUEUES), default="redis", help="(default: redis)")
    parser.add_argument("--network", choices=["auto", "namespaces", "relays"], default="auto", help="(default: auto)")
    parser.add_argument("--no-loss", action="store_true", help="leave out the storm in which the queue forgets")
    parser.add_argument("--output", type=Path, default=RESULT, help="where to write (default: build/chaos.json)")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
