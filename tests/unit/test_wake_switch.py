"""The wake switch: what it means, and what the router answers when it is off."""

from datetime import UTC, datetime, timedelta

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from local.asking import refuse
from local.client import RefusedError
from local.http_link import Answer
from tests.unit.test_router import GOOD, Platform
from tinyllama.domain.node import NodeState
from tinyllama.domain.wake_switch import BUDGET, WakeSwitch, WakeSwitchError, dumped, parsed, resets

NOW = datetime(2026, 11, 23, 17, 30, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- hypothesis adds the zone
whole_moments = moments.map(lambda at: at.replace(microsecond=0))
switches = st.builds(
    WakeSwitch, st.booleans(), st.text(max_size=20), st.none() | whole_moments, st.none() | whole_moments
)


@given(switches, moments)
def test_what_is_written_means_the_same_when_it_is_read(switch: WakeSwitch, now: datetime) -> None:
    assert parsed(dumped(switch)).at(now) == switch.at(now)


@given(moments)
def test_the_money_is_counted_anew_on_the_first_of_the_next_month(now: datetime) -> None:
    reset = resets(now)
    assert timedelta(0) < reset - now <= timedelta(days=31)
    assert (reset.day, reset.hour, reset.minute, reset.tzinfo) == (1, 0, 0, UTC)
    assert reset.month == now.month % 12 + 1


def test_a_switch_whose_time_is_over_is_on_and_one_without_an_end_stays_off() -> None:
    off = WakeSwitch(enabled=False, reason=BUDGET, until=DECEMBER)
    assert [off.at(DECEMBER - timedelta(seconds=1)).enabled, off.at(DECEMBER).enabled] == [False, True]
    assert not WakeSwitch(enabled=False).at(datetime(2100, 1, 1, tzinfo=UTC)).enabled


@pytest.mark.parametrize(
    "text",
    ["", "null", "{}", "[]", '{"enabled": "false"}', '{"enabled": 0}', '{"enabled": false, "until": "soon"}', "no"],
)
def test_what_is_not_understood_is_not_taken_for_a_yes(text: str) -> None:
    with pytest.raises(WakeSwitchError, match="/tinyllama/wake holds"):
        parsed(text)


@pytest.fixture
def asleep(monkeypatch: pytest.MonkeyPatch) -> Platform:
    return Platform(monkeypatch, NodeState.STOPPED)


def off_for(platform: Platform, reason: str, until: datetime | None = None) -> None:
    platform.switch = lambda: WakeSwitch(enabled=False, reason=reason, until=until)


@pytest.mark.parametrize(("until", "says"), [(DECEMBER, "2026-12-01T00:00:00Z"), (None, "2023-12-01T00:00:00Z")])
def test_off_for_the_budget_a_cold_start_is_402_and_leaves_nothing(
    asleep: Platform, until: datetime | None, says: str
) -> None:
    off_for(asleep, BUDGET, until)  # the platform's clock stands in November 2023
    status, body, _ = asleep.call("POST", "/infer", GOOD)
    assert (status, body) == (402, {"error": "budget_exhausted", "resets": says})
    assert (asleep.nodes.calls, asleep.leases.granted, asleep.queue.records) == ([], [], {})


def test_off_for_another_reason_it_is_start_failed_and_says_which(asleep: Platform) -> None:
    off_for(asleep, "maintenance")
    status, body, _ = asleep.call("POST", "/infer", GOOD)
    assert (status, body["error"], asleep.nodes.calls) == (503, "start_failed", [])
    assert body["detail"] == "wake_disabled: disabled (maintenance) until somebody enables it"


def test_a_switch_that_cannot_be_read_starts_nothing(asleep: Platform) -> None:
    def unreadable() -> WakeSwitch:
        raise WakeSwitchError("/tinyllama/wake: AccessDeniedException: no")

    asleep.switch = unreadable
    status, body, _ = asleep.call("POST", "/infer", GOOD)
    assert (status, body["error"], asleep.nodes.calls) == (503, "start_failed", [])
    assert body["detail"].startswith("wake_unknown: /tinyllama/wake")


async def test_a_warm_node_is_served_and_the_switch_is_not_even_read(asleep: Platform) -> None:
    await asleep.wake_worker()
    asleep.switch = pytest.fail
    assert asleep.call("POST", "/infer", GOOD)[0] == 202


@pytest.mark.parametrize("state", [NodeState.PENDING, NodeState.RUNNING, NodeState.STOPPING])
def test_a_node_that_is_on_its_way_is_waited_for_without_reading_it(
    monkeypatch: pytest.MonkeyPatch, state: NodeState
) -> None:
    platform = Platform(monkeypatch, state)
    platform.switch = pytest.fail
    assert platform.call("POST", "/infer", GOOD)[0] == 202


def test_a_job_that_was_queued_before_stays_and_health_says_stopped(asleep: Platform) -> None:
    _, body, _ = asleep.call("POST", "/infer", GOOD)
    asleep.pass_time(60)
    asleep.nodes.stop("i-1")
    asleep.pass_time(60)
    off_for(asleep, BUDGET, DECEMBER)
    assert asleep.call("GET", "/health")[:2] == (503, {"status": "stopped"})
    status, shown, _ = asleep.call("GET", f"/jobs/{body['id']}")
    assert (status, shown["status"]) == (200, "queued")
    assert asleep.nodes.calls.count(("start", "i-1")) == 1


def test_tl_ask_says_until_when_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    body = b'{"error": "budget_exhausted", "resets": "2026-12-01T00:00:00Z"}'
    with pytest.raises(typer.Exit):
        refuse(RefusedError(Answer(402, {}, body)))
    said = " ".join(capsys.readouterr().err.split())
    assert "wait until 2026-12-01T00:00:00Z" in said
    assert "docs/ops/budget_recovery.md" in said
