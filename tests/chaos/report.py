"""What a storm did and what survived it, for people."""

import json
import statistics
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.chaos.judge import Violation
from tests.chaos.record import Story
from tests.chaos.storm import Outcome

_SHOWN = 5


def summary(outcome: Outcome) -> dict[str, Any]:
    """The storm in figures, for `build/chaos.json`."""
    waits = [story.waited_s for story in outcome.stories if story.waited_s is not None]
    return {
        "seed": outcome.plan.seed,
        **asdict(outcome.plan.size),
        "namespaces": outcome.namespaces,
        "clocks_wrong_by_s": [round(skew) for skew in outcome.plan.skews],
        "blows": dict(outcome.blows),
        "ended_workers": dict(outcome.died),
        "unanswered_calls": dict(outcome.refused),
        "ends": dict(Counter(_end(story) for story in outcome.stories)),
        "done_by": [log.count('"event": "done"') for log in outcome.logs.values()],
        "wait_s": {"median": round(statistics.median(waits), 2), "longest": round(max(waits), 1)} if waits else {},
        "broken_promises": len(outcome.violations),
        "took_s": round(outcome.seconds),
    }


def show(outcome: Outcome, console: Console) -> None:
    """Print the storm, and the history of the jobs that were wronged."""
    told = summary(outcome)
    title = f"seed {told['seed']}: {told['workers']} workers, {told['jobs']:,} prompts in {told['seconds']:g} s"
    table = Table("", "", box=None, pad_edge=False, show_header=False, title=title, title_justify="left")
    for name, number in sorted(told["blows"].items()):
        table.add_row(name, str(number))
    table.add_row("cuts made in", "network namespaces" if outcome.namespaces else "TCP relays")
    table.add_row("workers that ended", _counts(told["ended_workers"]))
    table.add_row("clocks wrong by", ", ".join(f"{skew:+} s" for skew in told["clocks_wrong_by_s"]))
    table.add_row("calls without an answer (503)", _counts(told["unanswered_calls"]))
    table.add_row("jobs", _counts(told["ends"]))
    table.add_row("done by each worker", ", ".join(map(str, told["done_by"])))
    if told["wait_s"]:
        table.add_row("wait for the end", "median {median} s, longest {longest} s".format(**told["wait_s"]))
    table.add_row("took", f"{told['took_s']} s")
    broken = told["broken_promises"]
    table.add_row("promises broken", f"[bold red]{broken}[/]" if broken else "[green]none[/]")
    console.print(table)
    for violation in outcome.violations[:_SHOWN]:
        console.print(_history(violation, outcome), markup=False, highlight=False)
    if broken > _SHOWN:
        console.print(f"… and {broken - _SHOWN} more")


def _end(story: Story) -> str:
    if story.last:
        return story.last.status.value
    if story.accepted is None:
        return "never arrived"
    return "forgotten with the queue" if story.forgotten else "lost"


def _counts(counter: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in sorted(counter.items())) or "none"


def _history(violation: Violation, outcome: Outcome) -> str:
    story = violation.story
    lines = [f"\njob {story.job.id} ({story.errand.prompt!r} of {story.errand.sub}): {violation.promise}"]
    lines += [f"  user      {line}" for line in story.log]
    for place, log in outcome.logs.items():
        for line in log.splitlines():
            if story.job.id in line:
                lines.append(f"  worker-{place}  {_plain(line)}")
    return "\n".join(lines)


def _plain(line: str) -> str:
    try:
        record = json.loads(line)
    except ValueError:
        return line
    return f"{record.pop('ts')} {record.pop('event')} {record}"
