"""The bench's own sums: what counts as met, what is kept, and whose turn it is."""

import json
from pathlib import Path

import pytest

from tests.bench import __main__ as bench
from tests.bench import registry
from tests.bench.rows import Goal, Row, load, merge, row, save
from tests.bench.timing import in_turns, percentile, ratios, span


@pytest.mark.parametrize(
    ("goal", "ours", "met"),
    [
        (Goal("ratio", "<=", 0.35), 35.0, True),
        (Goal("ratio", "<=", 0.35), 35.001, False),
        (Goal("ratio", ">=", 0.95), 95.0, True),
        (Goal("ratio", ">=", 0.95), 94.999, False),
        (Goal("ours", "<=", 3.0), 3.0, True),
        (Goal("ours", "<=", 3.0), 3.1, False),
        (None, 1.0, None),
    ],
)
def test_a_goal_is_met_up_to_its_bound_and_judged_before_rounding(goal: Goal | None, ours: float, met: bool) -> None:
    assert row("p: x", ours, 100.0, "µs", goal=goal).met is met


def test_a_row_without_a_peer_has_no_ratio() -> None:
    made = row("startup: x", 2.5, None, "s", goal=Goal("ours", "<=", 3.0))
    expected = {"ours": 2.5, "theirs": None, "unit": "s", "ratio": None, "goal": "ours <= 3", "met": True}
    assert made.to_json() == {"name": "startup: x", **expected}


def test_figures_that_others_disturbed_judge_no_goal() -> None:
    goal = Goal("ratio", ">=", 0.95)
    disturbed = row("platform: x", 2.0, 1.0, "tokens/s", goal=goal, sound=False)
    assert (disturbed.goal, disturbed.met, disturbed.failed) == ("ratio >= 0.95", None, True)
    assert not row("platform: x", 2.0, 1.0, "tokens/s", goal=goal).failed
    assert not plain("platform: x").failed


def test_a_goal_for_the_ratio_needs_a_peer() -> None:
    with pytest.raises(ValueError, match="needs a peer"):
        row("p: x", 1.0, None, "s", goal=Goal("ratio", "<=", 1.0))


def plain(name: str, ours: float = 1.0) -> Row:
    return row(name, ours, None, "s")


def test_the_rows_of_parts_that_did_not_run_are_kept_in_the_order_of_the_parts() -> None:
    kept = [plain("c: 1"), plain("a: gone"), plain("older: 1")]
    fresh = [plain("a: 1", 2.0), plain("a: 2")]
    merged = merge(kept, fresh, ["a"], ["a", "b", "c"])
    assert [one.name for one in merged] == ["a: 1", "a: 2", "c: 1", "older: 1"]


def test_rows_come_back_from_the_file_as_they_were(tmp_path: Path) -> None:
    file = tmp_path / "new" / "bench.json"
    rows = [row("router: p50", 12.34567, 100.0, "µs", goal=Goal("ratio", "<=", 0.35)), plain("startup: x")]
    save(file, rows)
    assert load(file) == rows
    assert list(json.loads(file.read_text())[0]) == ["name", "ours", "theirs", "unit", "ratio", "goal", "met"]
    assert [one.name for one in file.parent.iterdir()] == ["bench.json"]


@pytest.mark.parametrize("text", [None, "", "{}", '[{"name": "x"}]', "[1]"])
def test_a_file_that_is_none_of_ours_counts_as_empty(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "bench.json"
    if text is not None:
        file.write_text(text)
    assert load(file) == []


def test_parts_run_in_their_own_order_and_all_when_none_is_named() -> None:
    assert registry.chosen([]) == list(registry.PARTS)
    assert registry.chosen(["platform", "router"]) == ["router", "platform"]


def test_an_unknown_part_is_an_error_that_lists_the_parts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench.main(["router", "rooter"]) == 2
    monkeypatch.setenv("ONLY", "rooter")
    assert bench.main([]) == 2
    told = capsys.readouterr().err
    assert told.count("no part 'rooter'; the parts are: router, ") == 2


@pytest.mark.parametrize(("options", "code"), [([], 0), (["--strict"], 1)])
def test_a_missed_goal_fails_only_a_strict_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], code: int
) -> None:
    missed = row("router: x", 2.0, 1.0, "µs", goal=Goal("ratio", "<=", 1.0))
    monkeypatch.setattr(registry, "measure_of", lambda _part: lambda _tell: [missed])
    file = tmp_path / "bench.json"
    save(file, [plain("startup: x")])
    assert bench.main(["router", "--output", str(file), *options]) == code
    assert [one.name for one in load(file)] == ["router: x", "startup: x"]


def test_turns_reverse_every_round() -> None:
    assert list(in_turns(["a", "b"], 3)) == [(0, "a"), (0, "b"), (1, "b"), (1, "a"), (2, "a"), (2, "b")]


def test_percentiles_count_all_rounds_and_ratios_one_each() -> None:
    assert percentile([[1, 2, 3], [4, 5]], 50) == 3
    assert ratios([[1, 1], [4, 4]], [[2, 2], [4, 4]]) == [0.5, 1.0]
    assert span([0.5, 1.0, 0.7]) == "0.50 to 1.00"
