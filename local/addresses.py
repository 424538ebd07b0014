"""What a running platform's state says to others: to the functions, to the node, and to a user's shell."""

from typing import Any

from local.aws.account import Account
from local.redis_server import HOST
from local.state import Home, Queue, State
from tinyllama.domain.prices import known_types

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


def account_of(state: State) -> Account:
    """The account of a platform that was seeded."""
    if state.account is None:
        raise ValueError("the platform has no account yet")
    return state.account


def queue_environment(state: State) -> dict[str, str]:
    """Which queue it is, and where: for the functions and the node alike."""
    if state.options.queue is Queue.SQS:
        account = account_of(state)
        return {"TL_QUEUE": "sqs", "QUEUE_URL": account.queue_url, "QUEUE_TABLE": account.queue_table}
    return {"TL_QUEUE": "redis", "REDIS_HOST": HOST, "REDIS_PORT": str(state.redis_port)}


def function_environment(state: State) -> dict[str, str]:
    """The environment of the Lambda functions."""
    account = account_of(state)
    return {
        **CREDENTIALS,
        "ALLOWED_CIDRS": "127.0.0.0/8",  # this machine stands for the inside of the VPC
        "AWS_ENDPOINT_URL": state.aws_url,
        "AWS_REGION": account.region,
        "AWS_DEFAULT_REGION": account.region,
        "BOOT_ETA_S": str(state.options.boot_eta_s),
        "COGNITO_AUD": account.client_id,
        "COGNITO_ISSUER": account.issuer,
        "JWKS_URL": account.jwks_url,
        "LEASE_GROUP": "default",
        "LEASE_ROLE_ARN": account.lease_role_arn,
        **queue_environment(state),
        "QUEUE_TIMEOUT_S": "5",
        "REDIS_TIMEOUT_S": "0.5",  # on AWS 50 ms are plenty, but here the model keeps all cores busy
        "REPLY_BUCKET": account.reply_bucket,
        "RESIZE_TYPES": ",".join(known_types(account.region)),
    }


def exports(state: State, token: str) -> dict[str, str]:
    """What points `aws`, `ansible-playbook`, `terraform` and `curl` at this platform; the token lives an hour."""
    account = account_of(state)
    named = {
        "COGNITO_CLIENT_ID": account.client_id,
        "COGNITO_USER_POOL_ID": account.user_pool_id,
        "TL_API_URL": state.api_url,
        "TL_TOKEN": token,
    }
    hidden = {"ALLOWED_CIDRS", "BOOT_ETA_S", "QUEUE_TIMEOUT_S", "REDIS_TIMEOUT_S", "RESIZE_TYPES"}
    return {name: value for name, value in (function_environment(state) | named).items() if name not in hidden}


def site(state: State, home: Home) -> dict[str, Any]:
    """Where the node lives: `local.machine.Site` as JSON."""
    account = account_of(state)
    settings = {"slots", "threads", "watch_every_s", "idle_s", "seconds_per_minute", "node_image"}
    return {
        "aws_url": state.aws_url,
        "region": account.region,
        "queue": queue_environment(state) | {"QUEUE_TIMEOUT_S": "5"},
        "reply_bucket": account.reply_bucket,
        "lease_role_arn": account.lease_role_arn,
        "tag": home.tag,
        "run_dir": str(home.run_dir),
        "log_dir": str(home.log_dir),
        **state.options.model_dump(include=settings),
    }
