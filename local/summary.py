"""The last screen of the demo."""

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Column, Table

from local.state import Options
from local.story import Answer, Story


def summary(story: Story, options: Options) -> RenderableType:
    """Timeline, latencies, tokens a second and node-seconds of a run, on one screen."""
    lapse = (
        f"Time-lapse: a boot of {options.boot_s:g} s, an idle minute of {options.seconds_per_minute:g} s. "
        "Everything else is as it runs on AWS."
    )
    parts = (_stages(story), _timeline(story), _answers(story.answers), f"[dim]{lapse}[/]")
    return Panel(Group(*parts), title="[bold]what happened[/]", expand=False)


def _stages(story: Story) -> Table:
    table = Table("stage", _right("s"), box=None)
    for name, seconds in story.stages:
        table.add_row(name, f"{seconds:.1f}")
    table.add_row("[bold]all[/]", f"[bold]{story.seconds:.1f}[/]")
    return table


def _timeline(story: Story) -> str:
    steps = " → ".join(f"{sight.state} [dim]{sight.at:.1f}[/]" for sight in story.sights)
    return f"\n[bold]node[/]  {steps}\n[bold]billed[/]  {story.node_seconds():.1f} node-seconds\n"


def _answers(answers: list[Answer]) -> Table:
    columns = ("API's ETA s", "queued ms", "first text s", "last word s", "tokens", "tokens/s")
    table = Table("prompt", *(_right(name) for name in columns), box=None)
    for answer in answers:
        reply = answer.reply
        table.add_row(
            answer.name,
            "-" if answer.eta_s is None else str(answer.eta_s),
            str(reply.timings.queued_ms),
            f"{answer.first_text_s:.2f}",
            f"{answer.total_s:.2f}",
            str(reply.usage.completion_tokens),
            f"{answer.tokens_per_s:.0f}",
        )
    return table


def _right(name: str) -> Column:
    return Column(name, justify="right")
