"""The one place where `StrictAutomation` is hung into moto, and taken out again."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any

import yaml
from moto.ssm.exceptions import InvalidDocument, InvalidDocumentContent, SSMException
from moto.ssm.models import Document
from moto.ssm.responses import SimpleSystemManagerResponse

from local.aws.core.seam import replaced
from local.aws.ssm.automation import StrictAutomation
from local.aws.ssm.document import InvalidDocumentError, parse, read
from local.aws.ssm.run import Run

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_FILTERS: dict[str, Callable[[dict[str, Any], str], bool]] = {
    "DocumentNamePrefix": lambda facts, text: str(facts["DocumentName"]).startswith(text),
    "ExecutionStatus": lambda facts, text: facts["AutomationExecutionStatus"] == text,
    "ExecutionId": lambda facts, text: facts["AutomationExecutionId"] == text,
}


@contextmanager
def installed(strict: StrictAutomation) -> Iterator[None]:
    """Add Automation to moto's Systems Manager for as long as the context lasts."""
    seams: tuple[tuple[type | ModuleType, str, Any], ...] = (
        (SimpleSystemManagerResponse, "start_automation_execution", _start(strict)),
        (SimpleSystemManagerResponse, "get_automation_execution", _get(strict)),
        (SimpleSystemManagerResponse, "describe_automation_executions", _describe(strict)),
        (SimpleSystemManagerResponse, "stop_automation_execution", _stop(strict)),
        (Document, "__init__", _checked()),
        (yaml, "safe_load", read),  # what moto reads a document with, too
    )
    with ExitStack() as undo:
        for owner, name, method in seams:
            undo.enter_context(replaced(owner, name, method))
        yield


def _start(strict: StrictAutomation) -> Callable[[Any], str]:
    def start(response: Any) -> str:
        given = json.loads(response.body)
        token, name = given.get("ClientToken"), given["DocumentName"]
        if token and not _UUID.fullmatch(token):
            raise SSMException("ValidationException", "ClientToken must be a UUID")
        documents = response.ssm_backend._documents.get(name)  # noqa: SLF001
        if documents is None or documents.get_default_version().document_type != "Automation":
            raise SSMException("AutomationDefinitionNotFoundException", f"Automation Definition {name} not found")
        try:
            document = documents.find((given.get("DocumentVersion") or "").replace("$DEFAULT", "") or None)
        except InvalidDocument as error:
            raise SSMException("AutomationDefinitionVersionNotFoundException", str(error)) from error
        started = strict.start(document, given, response.current_account, response.region)
        return json.dumps({"AutomationExecutionId": started})

    return start


def _get(strict: StrictAutomation) -> Callable[[Any], str]:
    def get(response: Any) -> str:
        run = strict.get(json.loads(response.body)["AutomationExecutionId"])
        steps = run.steps()
        return json.dumps({"AutomationExecution": {**run.facts(), "StepExecutions": steps}})

    return get


def _describe(strict: StrictAutomation) -> Callable[[Any], str]:
    def describe(response: Any) -> str:
        given = json.loads(response.body or "{}")
        filters = {one["Key"]: one["Values"] for one in given.get("Filters", ())}
        if set(filters) - set(_FILTERS):
            raise SSMException("InvalidFilterKey", f"not kept here: {sorted(set(filters) - set(_FILTERS))}")
        found = [facts for facts in map(Run.facts, reversed(strict.all())) if _fits(facts, filters)]
        found.sort(key=lambda facts: facts["ExecutionStartTime"], reverse=True)
        for facts in found:
            del facts["Parameters"]  # only GetAutomationExecution tells them
        return json.dumps({"AutomationExecutionMetadataList": found[: given.get("MaxResults", 50)]})

    return describe


def _fits(facts: dict[str, Any], filters: dict[str, list[str]]) -> bool:
    return all(any(_FILTERS[key](facts, text) for text in texts) for key, texts in filters.items())


def _stop(strict: StrictAutomation) -> Callable[[Any], str]:
    def stop(response: Any) -> str:
        run = strict.get(json.loads(response.body)["AutomationExecutionId"])
        if run.ended:
            raise SSMException("InvalidAutomationStatusUpdateException", "The execution has ended already.")
        run.cancel()
        return "{}"

    return stop


def _checked() -> Callable[..., None]:
    original = Document.__init__

    def init(document: Any, *args: Any, **given: Any) -> None:
        """Refuse an Automation document that could not be executed when it is created, as AWS does."""
        original(document, *args, **given)
        if document.document_type == "Automation":
            try:
                parse(document.content)
            except InvalidDocumentError as error:
                raise InvalidDocumentContent(str(error)) from error

    return init
