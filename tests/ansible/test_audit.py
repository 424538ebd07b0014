"""The line that a runbook leaves: in the file, in CloudWatch Logs, and as `tl audit` shows it."""

import json
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from local.cli import app
from tests.ansible.conftest import Cloud, Run
from tinyllama.adapters.audit_log import AuditFile
from tinyllama.domain.audit import Outcome, Seen, line

Runbook = Callable[..., Run]
BEFORE = {"instance_type": "t3.small", "state": "stopped", "eur_per_hour": "0.0210"}
AFTER = {"instance_type": "g4dn.xlarge", "state": "running", "eur_per_hour": "0.5754"}
PLANNED = {"before": BEFORE, "after": AFTER, "node": {"id": "i-1"}, "steps": [{"action": "start", "target": "running"}]}


def written(seen: Seen, *, finished: bool = True, inputs: Mapping[str, str] | None = None) -> dict[str, Any]:
    return line(
        seen,
        at="now",
        who="me@here",
        origin="console",
        what="resize",
        inputs=inputs or {},
        revision="abc",
        seconds=1.23456,
        finished=finished,
    )


def test_a_plan_that_was_not_carried_out_leaves_the_node_as_it_was() -> None:
    seen = Seen()
    seen.look(PLANNED)
    seen.fail("no -e confirm")
    record = written(seen)
    assert record["outcome"] == Outcome.REFUSED
    assert record["before"] == record["after"] == BEFORE
    assert record["eur_per_hour"] == {"before": "0", "after": "0"}
    assert record["plan"] == ["start running"]


@pytest.mark.parametrize(
    ("result", "failed", "outcome"),
    [
        ({"changed": True, "after": AFTER}, False, Outcome.CHANGED),
        ({"changed": False, "after": BEFORE}, False, Outcome.UNCHANGED),
        ({"restored": True, "after": BEFORE, "msg": "no capacity"}, True, Outcome.RESTORED),
        ({"restored": False, "after": AFTER, "msg": "no capacity"}, True, Outcome.FAILED),
    ],
)
def test_the_outcome_follows_from_what_the_module_did(
    result: dict[str, object], failed: bool, outcome: Outcome
) -> None:
    seen = Seen()
    seen.look(PLANNED)
    seen.act(result, failed=failed)
    if failed:
        seen.fail("no capacity")
    record = written(seen)
    assert record["outcome"] == outcome
    assert (record["before"], record["after"]) == (BEFORE, result["after"])
    assert written(seen, finished=False)["outcome"] == Outcome.INTERRUPTED


def test_secrets_among_the_inputs_are_not_written_down() -> None:
    inputs = {"password": "1", "api_key": "2", "smoke_token": "3", "target": "t3.small", "keep": "5"}
    record = written(Seen(), inputs=inputs)
    assert record["inputs"] == {
        "password": "***",
        "api_key": "***",
        "smoke_token": "***",
        "target": "t3.small",
        "keep": "5",
    }


def test_a_file_that_was_cut_off_still_tells_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "new" / "audit.jsonl"
    file = AuditFile(path)
    assert list(file.last(3)) == []
    for number in range(4):
        file.add({"number": number})
    path.write_text(path.read_text() + '{"number": 4')
    assert [one["number"] for one in file.last(2)] == [2, 3]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_every_run_leaves_the_same_line_in_the_file_and_in_cloudwatch_and_tl_audit_shows_it(
    cloud: Cloud, runbook: Runbook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = runbook("resize", target="g4dn.xlarge")
    assert refused.code == 2
    done = runbook("resize", target="g4dn.xlarge", confirm=cloud.node_id, poll_interval="0.1")
    assert done.code == 0, done.output
    assert [record["outcome"] for record in done.audit] == ["refused", "changed"]
    assert cloud.audited() == done.audit
    assert set(done.audit[-1]) >= {"at", "who", "from", "what", "inputs", "revision", "plan", "outcome", "seconds"}
    monkeypatch.setenv("TL_AUDIT_FILE", str(tmp_path / "deep" / "audit.jsonl"))
    monkeypatch.setenv("COLUMNS", "300")
    shown = CliRunner().invoke(app, ["audit", "-n", "1", "--json"])
    assert [json.loads(text) for text in shown.stdout.splitlines()] == done.audit[-1:]
    assert "refused" in CliRunner().invoke(app, ["audit"]).stdout


def test_without_cloudwatch_the_file_has_the_line_and_a_warning_says_so(cloud: Cloud, runbook: Runbook) -> None:
    cloud.aws.fail("logs:PutLogEvents", "AccessDeniedException", times=None, status=400)
    run = runbook("resize", target="t3.small", confirm=cloud.node_id)
    assert run.code == 0, run.output
    assert "The audit line of this run is incomplete: CloudWatch Logs" in run.output
    assert [record["outcome"] for record in run.audit] == ["unchanged"]


def test_tl_audit_says_where_it_looked_when_there_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TL_AUDIT_FILE", str(tmp_path / "none.jsonl"))
    result = CliRunner().invoke(app, ["audit"])
    assert result.exit_code == 1
    assert "none.jsonl" in result.stderr


def test_a_runbook_that_looks_at_several_things_has_all_their_steps_and_is_about_the_last() -> None:
    money = {"before": {"limit_eur": "20"}, "node": {"id": "budget"}, "steps": [{"action": "limit", "target": "25"}]}
    seen = Seen()
    seen.look(money)
    seen.look(PLANNED)
    seen.act({**money, "changed": True, "after": {"limit_eur": "25"}}, failed=False)
    seen.act({**PLANNED, "changed": True}, failed=False)
    seen.act({**money, "changed": False, "after": {"limit_eur": "25"}}, failed=False)
    record = written(seen)
    assert record["plan"] == ["limit 25", "start running"]
    assert (record["node"], record["before"], record["after"]) == ("i-1", BEFORE, AFTER)


def test_what_was_changed_before_a_failure_is_not_said_to_be_restored() -> None:
    seen = Seen()
    seen.look(PLANNED)
    seen.act({"changed": True, "node": {"id": "budget"}}, failed=False)
    seen.act({"restored": True, "after": BEFORE, "msg": "no capacity"}, failed=True)
    seen.fail("no capacity")
    assert written(seen)["outcome"] == Outcome.FAILED
