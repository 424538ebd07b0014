"""`python -m tests.load`: puts a steady load on a platform of its own, prints a table, writes `build/load.json`."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from tests.bench import table
from tests.load.running import LoadError, Plan, Result, run

RESULT = Path(__file__).resolve().parents[2] / "build" / "load.json"
P95_MAX_MS = 60
RATE_MIN = 0.97
"""Of the rate that was asked for: who cannot send it has measured another one."""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0 when every goal is met, 1 when one is missed, 2 when there was no load."""
    arguments = _parser().parse_args(argv)
    plan = Plan(arguments.rate, arguments.seconds)
    machine = table.machine()
    table.err.print(f"load: {plan.users} users, {plan.rate} requests/s for {plan.seconds} s …")
    try:
        result = run(plan)
    except LoadError as error:
        sys.stderr.write(f"tests.load: {error}\n")
        return 2
    goals = judged(plan, result)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    record = {**asdict(plan), "machine": machine, **asdict(result), "goals": goals, "met": all(goals.values())}
    arguments.output.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n")
    table.out.print(machine)
    table.out.print(_as_table(result, goals))
    return 0 if record["met"] else 1


def judged(plan: Plan, seen: Result) -> dict[str, bool]:
    """Each goal, and whether it is met."""
    return {
        "no errors": not seen.failures,
        f"p95 <= {P95_MAX_MS} ms": bool(seen.requests) and seen.p95 <= P95_MAX_MS,
        f"at least {RATE_MIN:.0%} of {plan.rate} requests/s": seen.per_second >= RATE_MIN * plan.rate,
    }


def _as_table(seen: Result, goals: dict[str, bool]) -> Table:
    made = Table("POST /infer", "", box=None, pad_edge=False)
    made.add_row("requests", f"{seen.requests:,} ({seen.per_second:.1f} a second)")
    made.add_row("failures", str(seen.failures))
    made.add_row("p50, p95, p99, max", f"{seen.p50:g}, {seen.p95:g}, {seen.p99:g}, {seen.max:.0f} ms")
    for error, count in seen.errors.items():
        made.add_row("error", f"{count} times {error}")
    for goal, met in goals.items():
        made.add_row(goal, "[green]met[/]" if met else "[bold red]missed[/]")
    return made


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description="Put a steady load on the API.")
    parser.add_argument("--rate", type=int, default=200, help="requests a second (default: 200)")
    parser.add_argument("--seconds", type=int, default=60, help="for how long, once all users are there (default: 60)")
    parser.add_argument("--output", type=Path, default=RESULT, help="where to write (default: build/load.json)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
