"""What the demo's summary is made of."""

from io import StringIO

from rich.console import Console

from local.state import Options
from local.story import Answer, Story
from local.summary import summary
from tests.factories import reply


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def told() -> Story:
    """stopped 0-1, pending 1-3, running 3-4, ready 4-9, draining 9-10, stopping 10-11, stopped."""
    clock = Clock()
    story = Story(clock)
    for state, seconds in (
        ("stopped", 1),
        ("pending", 2),
        ("running", 1),
        ("ready", 5),
        ("running", 1),
        ("stopping", 1),
        ("stopped", 4),
    ):
        assert story.see(state, "t3.small")
        assert not story.see(state, "t3.small"), "the same again is no news"
        clock.now += seconds
    return story


def test_a_node_is_billed_from_running_to_stopping() -> None:
    assert told().node_seconds() == 7


def test_a_node_whose_worker_has_gone_drains() -> None:
    assert [sight.state for sight in told().sights][3:6] == ["ready", "draining", "stopping"]


def test_a_change_of_type_alone_is_news() -> None:
    story = Story()
    assert story.see("stopped", "t3.small")
    assert story.see("stopped", "g4dn.xlarge")


def test_tokens_per_second_count_from_the_first_token() -> None:
    answer = Answer("cold", 6, 1.0, 2.0, reply("job-1"))
    assert answer.tokens_per_s == 5_000  # 5 tokens in the 1 ms between the first and the last


def test_the_summary_fits_one_screen_and_names_every_figure() -> None:
    story = told()
    with story.stage("Ask"):
        pass
    story.answers.append(Answer("warm", None, 1.0, 2.0, reply("job-1")))
    console = Console(width=100, record=True, file=StringIO())
    console.print(summary(story, Options(boot_s=4)))
    text = console.export_text()
    assert len(text.splitlines()) <= 40
    for words in ("Ask", "7.0 node-seconds", "tokens/s", "queued ms", "boot of 4 s"):
        assert words in text
