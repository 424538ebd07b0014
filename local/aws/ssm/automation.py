"""Systems Manager Automation that really executes: every step of a document is a call to this very endpoint.

moto keeps documents and executes none. Here an execution is a thread that carries out the document's steps as the
document's role: with keys from `sts:AssumeRole`, and within the role's policies. Steps end when it is stopped.
"""

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader, create_loader
from moto.ssm.exceptions import SSMException

from local.aws.core.clock import Clock, system_clock
from local.aws.ssm import access
from local.aws.ssm.document import (
    InvalidParametersError,
    Specification,
    check_parameters,
    parse,
    substituted,
)
from local.aws.ssm.run import Run
from local.aws.ssm.steps import CallAws, StepFailedError

_KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
_PARAMETERS = "InvalidAutomationExecutionParametersException"


class StrictAutomation:
    """Every execution of this account; `url` gives the endpoint that steps call."""

    def __init__(self, url: Callable[[], str], clock: Clock = system_clock) -> None:
        """Nothing can be started before `running` is entered."""
        self._url, self._clock = url, clock
        self._runs: dict[str, Run] = {}
        self._threads: list[threading.Thread] = []
        self._tokens: dict[str, tuple[str, dict[str, Any]]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Execute for as long as the context lasts; what is under way at the end is broken off."""
        try:
            yield
        finally:
            for run in self._runs.values():
                run.cancel()
            for thread in self._threads:
                thread.join()

    def start(self, document: Any, given: Mapping[str, Any], account: str, region: str) -> str:
        """Start an execution of moto's `document` and return its id; `given` is the request."""
        token = given.get("ClientToken")
        asked = {name: given.get(name) for name in ("DocumentName", "DocumentVersion", "Parameters")}
        with self._lock:
            if token and token in self._tokens:
                execution_id, before = self._tokens[token]
                if before != asked:
                    raise SSMException("IdempotentParameterMismatch", "The token was used for another execution.")
                return execution_id
            execution_id = str(uuid.uuid4())
            run = self._prepared(execution_id, document, given.get("Parameters") or {}, account, region)
            if token:
                self._tokens[token] = (execution_id, asked)
            thread = threading.Thread(target=run.run, name=f"automation-{execution_id}", daemon=True)
            self._runs[execution_id] = run
            self._threads.append(thread)
            thread.start()
        return execution_id

    def get(self, execution_id: str) -> Run:
        """Return an execution. Raises SSMException, as AWS does, when there is none."""
        run = self._runs.get(execution_id)
        if run is None:
            raise SSMException(
                "AutomationExecutionNotFoundException", f"Automation Execution ID {execution_id} does not exist."
            )
        return run

    def all(self) -> Sequence[Run]:
        """Return all executions, oldest first."""
        return list(self._runs.values())

    def _prepared(
        self, execution_id: str, document: Any, given: Mapping[str, Sequence[str]], account: str, region: str
    ) -> Run:
        found: Specification = parse(document.content)
        try:
            parameters = check_parameters(found, given)
        except InvalidParametersError as error:
            raise SSMException(_PARAMETERS, str(error)) from error
        role = substituted(found.assume_role, parameters)
        if not access.may_be_assumed(role, region, execution_id):
            raise SSMException(_PARAMETERS, "The defined assume role is unable to be assumed.")
        facts = {
            "AutomationExecutionId": execution_id,
            "DocumentName": document.name,
            "DocumentVersion": document.document_version,
            "Parameters": {name: [value] for name, value in parameters.items()},
            "Mode": "Auto",
            "ExecutedBy": f"arn:aws:iam::{account}:root",
        }
        known = {"automation:EXECUTION_ID": execution_id, "global:REGION": region, "global:ACCOUNT_ID": account}
        call = self._caller(role, region, execution_id)
        return Run(facts, found, {**parameters, **known}, call, self._clock)

    def _caller(self, role: str, region: str, execution_id: str) -> CallAws:
        """Return what makes a call as the role, which is taken on at the first one."""
        core = botocore.session.get_session()  # the default one makes one client at a time
        core.register_component("data_loader", _models())
        session: Any = boto3.Session(region_name=region, botocore_session=core)
        config = Config(retries={"total_max_attempts": 1})
        keys: dict[str, str] = {}
        clients: dict[str, Any] = {}

        def client(service: str) -> Any:
            if service not in clients:
                options: dict[str, Any] = {"endpoint_url": self._url(), "config": config, **(keys or _KEYS)}
                clients[service] = session.client(service, **options)
            return clients[service]

        def call(service: str, operation: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
            if not keys:
                made = client("sts").assume_role(RoleArn=role, RoleSessionName=execution_id)["Credentials"]
                keys.update(aws_access_key_id=made["AccessKeyId"], aws_secret_access_key=made["SecretAccessKey"])
                keys.update(aws_session_token=made["SessionToken"])
            try:
                access.check(role, region, f"{service}:{operation}", given)
                method = getattr(client(service), xform_name(operation))
            except (access.AccessDeniedError, UnknownServiceError, AttributeError) as error:
                text = f"An error occurred (AccessDenied) when calling the {operation} operation: {error}"
                raise StepFailedError(text) from error
            answer: Mapping[str, Any] = method(**given)
            return answer

        return call


@cache
def _models() -> Loader:
    """What clients read of AWS before they can ask (EC2's model has 4 MB), once for all executions."""
    return create_loader()
