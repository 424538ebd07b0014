"""Ansible callback: leaves one line of every runbook that was really run, as `tinyllama.domain.audit` words it."""

from __future__ import annotations

import atexit
import getpass
import os
import platform
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

from tinyllama.adapters.audit_log import GROUP, AuditFile, AuditTrail
from tinyllama.adapters.aws_json import AwsJson
from tinyllama.domain.audit import Seen, line
from tinyllama.domain.errors import AuditError

DOCUMENTATION = r"""
name: tl_audit
type: aggregate
short_description: One JSON line of every runbook
description:
  - Writes who ran which runbook, from where, with which inputs and revision, what was planned, how it ended, how long
    it took, and what an hour cost before and after. A run with C(--check) leaves nothing.
  - The line goes to the file E(TL_AUDIT_FILE) (C(build/audit.jsonl)) and to the group E(TL_AUDIT_GROUP)
    (C(/tinyllama/audit)) of CloudWatch Logs; an empty group keeps it local. Where the cloud cannot be reached, a
    warning says so, and the run goes on.
  - What was planned and done is taken from the results of modules whose names begin with C(tl_).
requirements: [enabled by C(callbacks_enabled) in ansible.cfg]
"""

ROOT = Path(__file__).resolve().parents[2]
_TIMEOUT_S = 3.0


class CallbackModule(CallbackBase):  # type: ignore[misc]  # Ansible has no types
    """Watches one run of `ansible-playbook`."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "tl_audit"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._seen, self._what = Seen(), ""
        self._inputs: dict[str, Any] = {}
        self._began, self._check, self._pid = time.monotonic(), False, os.getpid()
        self._revision: subprocess.Popen[str] | None = None

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Begin: only runbooks of ours are recorded."""
        path = Path(playbook._basedir, Path(playbook._file_name).name).resolve()
        if path.parent != ROOT / "playbooks":
            return
        self._what = path.stem
        # Beside the run, since looking for changes in the whole tree takes a while.
        command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
        try:
            self._revision = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        except FileNotFoundError:
            self._revision = None
        atexit.register(self._leave, finished=False)

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Take the inputs."""
        self._inputs = dict(play.get_variable_manager().extra_vars)
        self._check = bool(play.check_mode)

    def v2_runner_on_ok(self, result: Any) -> None:
        """Take in what a task says."""
        self._take(result, failed=False)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Take in why a task failed."""
        self._take(result, failed=True)
        if not ignore_errors:
            self._seen.fail(str(result._result.get("msg", "no message")))

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Take in that a host could not be reached."""
        self._seen.fail(str(result._result.get("msg", "unreachable")))

    def _take(self, result: Any, *, failed: bool) -> None:
        task, answer = result._task, result._result
        if not str(task.action).startswith("tl_"):
            self._seen.changed = self._seen.changed or bool(answer.get("changed"))
            self._seen.acted = self._seen.acted or bool(answer.get("changed"))
        elif task.check_mode:
            self._seen.look(answer)
        else:
            self._seen.act(answer, failed=failed)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Write the line."""
        if not any(stats.failures.values()) and not any(stats.dark.values()):
            self._seen.error = None  # what failed was rescued
        self._leave(finished=True)

    def _leave(self, *, finished: bool) -> None:
        if not self._what or self._check or os.getpid() != self._pid:
            return
        record = self._line(finished=finished)
        self._what = ""  # once
        try:
            AuditFile(Path(os.environ.get("TL_AUDIT_FILE") or ROOT / "build" / "audit.jsonl")).add(record)
            if os.environ.get("TL_AUDIT_GROUP", GROUP):
                self._publish(record)
        except AuditError as error:
            self._display.warning(f"The audit line of this run is incomplete: {error}")

    def _line(self, *, finished: bool) -> dict[str, Any]:
        told = self._revision.communicate()[0].strip() if self._revision else ""
        ssh = os.environ.get("SSH_CONNECTION", "").split()
        return line(
            self._seen,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            who=f"{getpass.getuser()}@{platform.node()}",
            origin=ssh[0] if ssh else "console",
            what=self._what,
            inputs=self._inputs,
            revision=told or "unknown",
            seconds=time.monotonic() - self._began,
            finished=finished,
        )

    @staticmethod
    def _publish(record: dict[str, Any]) -> None:
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or _region_of_the_profile()
        if not region:
            raise AuditError("CloudWatch Logs: no region; set AWS_REGION, or TL_AUDIT_GROUP= to keep it local")
        trail = AuditTrail(AwsJson(region, timeout_s=_TIMEOUT_S), os.environ.get("TL_AUDIT_GROUP", GROUP))
        trail.add(record, at_ms=round(time.time() * 1000))


def _region_of_the_profile() -> str | None:
    import botocore.session  # noqa: PLC0415 -- rarely needed

    found: str | None = botocore.session.get_session().get_config_variable("region")
    return found
