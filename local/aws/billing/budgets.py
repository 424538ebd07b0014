"""AWS Budgets: budgets, notifications and subscribers can be changed one by one, within AWS's limits.

Source: API reference of AWS Budgets. A notification has up to ten addresses and one topic.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from moto.budgets.exceptions import DuplicateRecordException, NotFoundException
from moto.budgets.models import Budget, BudgetsBackend, Notification
from moto.budgets.responses import BudgetsResponse
from moto.core.exceptions import JsonRESTError
from moto.utilities.tagging_service import TaggingService

from local.aws.core.seam import replaced

_MOST = {"SNS": 1, "EMAIL": 10}
_USAGE = {"UsageType", "UsageTypeGroup"}


class _InvalidParameterError(JsonRESTError):
    code = 400

    def __init__(self, message: str) -> None:
        super().__init__("InvalidParameterException", message)


@contextmanager
def installed() -> Iterator[None]:
    """Make moto's Budgets strict, and add the calls that it lacks, for as long as the context lasts."""
    with ExitStack() as undo:
        create = _tagged(BudgetsResponse.create_budget)
        undo.enter_context(replaced(BudgetsResponse, "create_budget", create))
        for method in _RESPONSES:
            undo.enter_context(replaced(BudgetsResponse, method.__name__.removeprefix("_"), method))
        undo.enter_context(replaced(BudgetsBackend, "create_budget", _created(BudgetsBackend.create_budget)))
        undo.enter_context(replaced(Budget, "add_notification", _add_notification))
        undo.enter_context(replaced(Budget, "delete_notification", _delete_notification))
        yield


def _created(original: Callable[..., None]) -> Callable[..., None]:
    def create(backend: Any, account_id: str, budget: dict[str, Any], notifications: list[dict[str, Any]]) -> None:
        for one in notifications:
            _check_subscribers(one["Subscribers"])
        if budget["BudgetType"] == "USAGE" and not _USAGE & set(budget.get("CostFilters") or {}):
            raise _InvalidParameterError(
                "A usage budget must be filtered by UsageType or UsageTypeGroup: hours, or GB?"
            )
        original(backend, account_id, budget, notifications)

    return create


def _tagged(original: Callable[[Any], str]) -> Callable[[Any], str]:
    def create(response: Any) -> str:
        answer, name = original(response), response._get_param("Budget")["BudgetName"]  # noqa: SLF001
        arn = f"arn:aws:budgets::{response._get_param('AccountId')}:budget/{name}"  # noqa: SLF001
        _tags(response).tag_resource(arn, response._get_param("ResourceTags") or [])  # noqa: SLF001
        return answer

    return create


def _add_notification(budget: Any, details: Any, subscribers: Any) -> None:
    _check_subscribers(subscribers)
    if any(_identity(one.details) == _identity(details) for one in budget.notifications):
        raise DuplicateRecordException("notification", json.dumps(details))
    budget.notifications.append(Notification(details, subscribers))


def _delete_notification(budget: Any, details: dict[str, Any]) -> None:
    budget.notifications.remove(_find(budget, details))


def _describe_subscribers_for_notification(response: Any) -> str:
    return json.dumps({"Subscribers": _notification(response).subscribers})


def _update_notification(response: Any) -> str:
    found = _find(_budget(response), response._get_param("OldNotification"))  # noqa: SLF001
    found.details = response._get_param("NewNotification")  # noqa: SLF001
    return "{}"


def _create_subscriber(response: Any) -> str:
    found, subscriber = _notification(response), response._get_param("Subscriber")  # noqa: SLF001
    if subscriber in found.subscribers:
        raise DuplicateRecordException("subscriber", subscriber["Address"])
    _check_subscribers([*found.subscribers, subscriber])
    found.subscribers = [*found.subscribers, subscriber]
    return "{}"


def _update_subscriber(response: Any) -> str:
    found = _notification(response)
    old, new = (response._get_param(f"{which}Subscriber") for which in ("Old", "New"))  # noqa: SLF001
    if old not in found.subscribers:
        raise NotFoundException("Unable to update subscriber - the subscriber doesn't exist.")
    found.subscribers = [new if one == old else one for one in found.subscribers]
    return "{}"


def _delete_subscriber(response: Any) -> str:
    found, subscriber = _notification(response), response._get_param("Subscriber")  # noqa: SLF001
    if subscriber not in found.subscribers:
        raise NotFoundException("Unable to delete subscriber - the subscriber doesn't exist.")
    if len(found.subscribers) == 1:
        raise _InvalidParameterError("Unable to delete subscriber - a notification must have a subscriber.")
    found.subscribers = [one for one in found.subscribers if one != subscriber]
    return "{}"


def _update_budget(response: Any) -> str:
    new = response._get_param("NewBudget")  # noqa: SLF001
    kept = _budgets(response).get(new["BudgetName"])
    if kept is None:
        raise NotFoundException(f"Unable to update budget: {new['BudgetName']} - the budget doesn't exist.")
    changed = Budget({"TimePeriod": kept.budget["TimePeriod"], **new}, [])
    changed.notifications = kept.notifications
    _budgets(response)[new["BudgetName"]] = changed
    return "{}"


def _list_tags_for_resource(response: Any) -> str:
    tags = _tags(response).list_tags_for_resource(response._get_param("ResourceARN"))["Tags"]  # noqa: SLF001
    return json.dumps({"ResourceTags": tags})


def _tag_resource(response: Any) -> str:
    tags = response._get_param("ResourceTags")  # noqa: SLF001
    _tags(response).tag_resource(response._get_param("ResourceARN"), tags)  # noqa: SLF001
    return "{}"


def _untag_resource(response: Any) -> str:
    keys = response._get_param("ResourceTagKeys")  # noqa: SLF001
    _tags(response).untag_resource_using_names(response._get_param("ResourceARN"), keys)  # noqa: SLF001
    return "{}"


def _tags(response: Any) -> TaggingService:
    tags: TaggingService = vars(response.backend).setdefault("tagging_of_budgets", TaggingService())
    return tags


def _budgets(response: Any) -> dict[str, Budget]:
    found: dict[str, Budget] = response.backend.budgets[response._get_param("AccountId")]  # noqa: SLF001
    return found


def _budget(response: Any) -> Budget:
    name = response._get_param("BudgetName")  # noqa: SLF001
    if name not in _budgets(response):
        raise NotFoundException(f"Unable to get budget: {name} - the budget doesn't exist.")
    return _budgets(response)[name]


def _notification(response: Any) -> Any:
    return _find(_budget(response), response._get_param("Notification"))  # noqa: SLF001


def _find(budget: Any, details: dict[str, Any]) -> Any:
    for found in budget.notifications:
        if _identity(found.details) == _identity(details):
            return found
    raise NotFoundException("Unable to get notification - the notification doesn't exist.")


def _identity(details: dict[str, Any]) -> tuple[Any, ...]:
    kind = details.get("ThresholdType", "PERCENTAGE")
    return details["NotificationType"], details["ComparisonOperator"], float(details["Threshold"]), kind


def _check_subscribers(subscribers: list[dict[str, str]]) -> None:
    for kind, most in _MOST.items():
        if sum(one["SubscriptionType"] == kind for one in subscribers) > most:
            raise _InvalidParameterError(f"A notification can have at most {most} subscribers of type {kind}.")


_RESPONSES = (
    _create_subscriber,
    _delete_subscriber,
    _describe_subscribers_for_notification,
    _list_tags_for_resource,
    _tag_resource,
    _untag_resource,
    _update_budget,
    _update_notification,
    _update_subscriber,
)
