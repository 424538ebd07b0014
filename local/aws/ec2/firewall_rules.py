"""A security group's rule keeps its description, also when it refers to a group or a prefix list."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from moto.ec2.models.security_groups import SecurityGroupRule

from local.aws.core.seam import replaced


@contextmanager
def installed() -> Iterator[None]:
    """Keep descriptions for as long as the context lasts."""
    original = SecurityGroupRule.__init__

    def created(rule: Any, *args: Any, **more: Any) -> None:
        original(rule, *args, **more)
        lists = [one for one in (*args, *more.values()) if isinstance(one, dict) and "PrefixListId" in one]
        rule.prefix_list_description = lists[0].get("Description") if lists else None

    with ExitStack() as undo:
        undo.enter_context(replaced(SecurityGroupRule, "__init__", created))
        undo.enter_context(replaced(SecurityGroupRule, "description", property(_description)))
        yield


def _description(rule: Any) -> str | None:
    given = (rule.ip_range.get("Description"), rule.source_group.get("Description"), rule.prefix_list_description)
    return next((text for text in given if text), None)
