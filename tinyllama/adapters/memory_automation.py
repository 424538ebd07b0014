"""Automation documents in memory: executions that end when they are told to."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tinyllama.domain.automation import Execution, ExecutionStatus, ExecutionSummary, Step
from tinyllama.domain.errors import AutomationError


class MemoryAutomation:
    """`Automation` in memory. `started` holds every start; while `error` is set, every call raises it.

    While `listed_late` is true, `recent` does not show the last execution yet.
    """

    def __init__(self) -> None:
        self.started: list[tuple[str, Mapping[str, str]]] = []
        self.error: Exception | None = None
        self.listed_late = False
        self._executions: dict[str, Execution] = {}
        self._tokens: dict[str, tuple[str, Mapping[str, str]]] = {}

    def start(self, document: str, parameters: Mapping[str, str], token: str) -> str:
        self._hit()
        if token in self._tokens:
            execution_id, before = self._tokens[token]
            if before != parameters:
                raise AutomationError("IdempotentParameterMismatch", "The token was used for another execution.")
            return execution_id
        execution_id = str(uuid.uuid4())
        self._tokens[token] = (execution_id, parameters)
        self.started.append((document, parameters))
        begun = (Step("before", "aws:executeAwsApi", ExecutionStatus.RUNNING),)
        self._executions[execution_id] = Execution(
            execution_id, document, ExecutionStatus.RUNNING, dict(parameters), begun
        )
        return execution_id

    def execution(self, execution_id: str) -> Execution | None:
        self._hit()
        return self._executions.get(execution_id)

    def recent(self, document: str) -> Sequence[ExecutionSummary]:
        self._hit()
        found = [one for one in self._executions.values() if one.document == document]
        listed = found[: len(found) - 1] if self.listed_late else found
        return [ExecutionSummary(one.id, one.status) for one in reversed(listed)]

    def stop(self, execution_id: str) -> None:
        self._hit()
        self._end(execution_id, ExecutionStatus.CANCELLED)

    def finish(self) -> None:
        """Let every execution that is under way succeed."""
        for one in list(self._executions.values()):
            if not one.ended:
                self._end(one.id, ExecutionStatus.SUCCEEDED)

    def _end(self, execution_id: str, status: ExecutionStatus) -> None:
        found = self._executions[execution_id]
        steps = tuple(replace(step, status=status) for step in found.steps)
        self._executions[execution_id] = replace(found, status=status, steps=steps)

    def _hit(self) -> None:
        if self.error:
            raise self.error
