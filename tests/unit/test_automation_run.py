"""Running a document: waiting without a clock, and how ends that the local AWS does not give are told."""

from collections.abc import Mapping

import pytest

from tinyllama.adapters.memory_automation import MemoryAutomation
from tinyllama.automation import Patience, carry_out, prepare
from tinyllama.domain.automation import Execution, ExecutionStatus, Step
from tinyllama.domain.automation_run import AutomationRunError, AutomationStep, judge
from tinyllama.domain.errors import AutomationError

START = AutomationStep("start", "D", "")


class Documents(MemoryAutomation):
    """Automation in memory with one document; `now` is its clock, and each sleep moves it."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.told = 0.0, list[str]()

    def parameters(self, document: str) -> Mapping[str, str | None] | None:
        return {"A": None, "B": "b"} if document == "D" else None

    def patience(self, timeout_s: float = 100.0) -> Patience:
        return Patience(timeout_s, 3.0, lambda: self.now, self.sleep, self.told.append)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.now > 9:
            self.finish()


def test_it_waits_between_looks_and_tells_of_progress_once_a_change() -> None:
    documents = Documents()
    done = carry_out(documents, START, {"A": "1"}, documents.patience())
    assert (done.status, documents.now) == (ExecutionStatus.SUCCEEDED, 12.0)
    assert documents.told == ["start D ()", "step before (running) after 0 s"]


def test_the_last_look_is_at_the_timeout_and_not_after_it() -> None:
    documents = Documents()
    with pytest.raises(AutomationRunError, match="still under way after 7 s"):
        carry_out(documents, START, {"A": "1"}, documents.patience(timeout_s=7))
    assert documents.now == 7.0


def test_an_execution_that_aws_never_lists_is_given_up_on() -> None:
    documents = Documents()
    follow = AutomationStep("follow", "gone", "")
    with pytest.raises(AutomationRunError, match="AWS knows nothing of the execution gone"):
        carry_out(documents, follow, {}, documents.patience())
    assert 30 < documents.now < 40


def test_a_default_that_is_given_is_the_same_as_one_that_is_left_out() -> None:
    documents = Documents()
    begun = documents.start("D", {"A": "1", "B": "b"}, "token")
    step, running = prepare(documents, "D", {"A": "1"})
    assert (step.action, step.target, running is not None) == ("follow", begun, True)
    assert prepare(documents, "D", {"A": "1", "B": "c"})[0].action == "start"


@pytest.mark.parametrize("code", ["ThrottlingException", "ReadTimeoutError", "EndpointConnectionError"])
def test_what_may_pass_is_tried_three_times_and_then_told_as_unknown(code: str) -> None:
    documents, tries = Documents(), list[str]()

    def start(document: str, parameters: Mapping[str, str], token: str) -> str:
        tries.append(token)
        raise AutomationError(code, "x")

    documents.start = start  # type: ignore[method-assign] # a service that never answers
    with pytest.raises(AutomationRunError, match="no answer") as raised:
        carry_out(documents, START, {"A": "1"}, documents.patience())
    assert (len(tries), len(set(tries)), raised.value.touched) == (3, 1, True)


def test_what_cannot_pass_is_not_tried_again() -> None:
    documents = Documents()
    documents.error = AutomationError("AccessDeniedException", "no")
    with pytest.raises(AutomationRunError, match=r"AccessDeniedException: no\. Nothing was touched"):
        prepare(documents, "D", {"A": "1"})
    with pytest.raises(AutomationRunError, match="AWS has not started D") as raised:
        carry_out(documents, START, {"A": "1"}, documents.patience())
    assert not raised.value.touched


def test_a_failure_without_a_step_of_its_own_is_told_in_aws_words() -> None:
    optional = Step("note", "aws:executeAwsApi", ExecutionStatus.FAILED, "AccessDenied", critical=False)
    timed_out = Execution("1", "D", ExecutionStatus.FAILED, steps=(optional,), error="Execution timed out")
    with pytest.raises(AutomationRunError, match=r"D \(1\) failed: Execution timed out\."):
        judge(timed_out)
