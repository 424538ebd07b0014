"""Everything that is hung into moto as it is, without a clock or a setting: one module a service."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from local.aws import athena, bucket_policy, http_api, log_queries, quotas, signing_key, trails
from local.aws.awslambda import aliases, functions
from local.aws.billing import budgets
from local.aws.ec2 import elastic_addresses, firewall_rules, launch_templates, pages, subnets
from local.aws.sqs import redrive

_MODULES = (
    aliases,
    athena,
    bucket_policy,
    budgets,
    elastic_addresses,
    firewall_rules,
    functions,
    http_api,
    launch_templates,
    log_queries,
    pages,
    quotas,
    redrive,
    signing_key,
    subnets,
    trails,
)


@contextmanager
def installed() -> Iterator[None]:
    """Hang all of them into moto for as long as the context lasts."""
    with ExitStack() as undo:
        for module in _MODULES:
            undo.enter_context(module.installed())
        yield
