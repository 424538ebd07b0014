"""Lambda functions keep their log group and dead-letter queue, and their role must allow what Lambda does with it.

Source: API reference of Lambda, CreateFunction; the texts are those that AWS sends.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaFunction
from moto.iam.models import IAMBackend, iam_backends
from moto.utilities.utils import get_partition

from local.aws.core.seam import replaced
from local.aws.policy import AccessRequest, Decision, decide

_KEPT = ("DeadLetterConfig", "LoggingConfig", "TracingConfig")
_FAMILY = {"sqs": "sqs:SendMessage", "sns": "sns:Publish"}


@contextmanager
def installed() -> Iterator[None]:
    """Make moto's functions strict for as long as the context lasts."""
    create, describe, update = (
        LambdaFunction.__init__,
        LambdaFunction.get_configuration,
        LambdaFunction.update_configuration,
    )

    def created(function: Any, account_id: str, spec: dict[str, Any], region: str, *rest: Any, **more: Any) -> None:
        _check(account_id, region, spec["Role"], spec)
        create(function, account_id, spec, region, *rest, **more)
        logging = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{spec['FunctionName']}"}
        function.kept = {**_given(spec), "LoggingConfig": {**logging, **(spec.get("LoggingConfig") or {})}}

    def described(function: Any, *args: Any, **more: Any) -> dict[str, Any]:
        return {**describe(function, *args, **more), **function.kept}

    def updated(function: Any, changes: dict[str, Any]) -> dict[str, Any]:
        _check(function.account_id, function.region, changes.get("Role", function.role), changes)
        function.kept = {**function.kept, **_given(changes)}
        return {**update(function, changes), **function.kept}

    with ExitStack() as undo:
        undo.enter_context(replaced(LambdaFunction, "__init__", created))
        undo.enter_context(replaced(LambdaFunction, "get_configuration", described))
        undo.enter_context(replaced(LambdaFunction, "update_configuration", updated))
        yield


def _given(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {name: spec[name] for name in _KEPT if spec.get(name)}


def _check(account_id: str, region: str, role_arn: str, spec: Mapping[str, Any]) -> None:
    needed = []
    target = (spec.get("DeadLetterConfig") or {}).get("TargetArn", "")
    if target:
        needed.append(AccessRequest(_FAMILY[target.split(":")[2]], target))
    if (spec.get("VpcConfig") or {}).get("SubnetIds"):
        needed.append(AccessRequest("ec2:CreateNetworkInterface"))
    policies = role_policies(iam_backends[account_id][get_partition(region)], role_arn)
    for request in needed:
        if decide(policies, request) is not Decision.ALLOW:
            service, _, operation = request.action.partition(":")
            message = f"The provided execution role does not have permissions to call {operation} on {service.upper()}"
            raise InvalidParameterValueException(message)


def role_policies(iam: IAMBackend, role_arn: str) -> list[dict[str, Any]]:
    """Return the documents of all policies of a role, inline and attached; none for a role that does not exist."""
    role = next((one for one in iam.roles.values() if one.arn == role_arn), None)
    if role is None:
        return []
    versions = [version for policy in role.managed_policies.values() for version in policy.versions]
    attached = [version.document for version in versions if version.is_default]
    return [json.loads(document) for document in [*role.policies.values(), *attached]]
