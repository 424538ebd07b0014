"""Runs an applied stack on this machine: its functions behind the gateway, and its node with a real model."""

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.announce import announced, write_atomically
from local.gateway_stack import local_environment
from local.processes import ROOT, end, environment, spawn
from tests.terraform.measured import NODE_KEY
from tests.terraform.stack import REGION, Stack

USER = "user@example.com"
READ_SETTINGS = ROOT / "roles" / "worker" / "files" / "read_settings.py"
_PATIENCE_S = 120.0
_INVOKE = """
import importlib, json, sys
module, handler, event = sys.argv[1:]
print(json.dumps(getattr(importlib.import_module(module), handler)(json.loads(event), None)))
"""


@dataclass(frozen=True)
class Served:
    """Where the stack answers, and a user who may ask. `folder` holds the logs."""

    stack: Stack
    url: str
    token: str
    folder: Path

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request of the user's."""
        headers = {"authorization": f"Bearer {self.token}"}
        return httpx.request(method, f"{self.url}{path}", headers=headers, timeout=35, **more)

    def node_state(self) -> str:
        """The state of the instance that Terraform made."""
        instance = self.stack.output()["node_instance_id"]
        (found,) = self.stack.client("ec2").describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"]
        return str(found["State"]["Name"])


def as_role(name: str, aws_url: str) -> dict[str, str]:
    """Credentials by which the call log knows whose call it was, as Lambda gives a function its role's."""
    return {
        "AWS_ACCESS_KEY_ID": name,
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
    }


def invoke(stack: Stack, function: str, event: dict[str, Any]) -> Any:
    """Call a function's real handler in a process of its own, with the environment that Terraform gave it."""
    found = stack.client("lambda").get_function_configuration(FunctionName=function)
    variables = local_environment(found["Environment"]["Variables"], stack.aws_url)
    module, _, handler = found["Handler"].rpartition(".")
    done = subprocess.run(
        [sys.executable, "-c", _INVOKE, module, handler, json.dumps(event)],
        env=environment({**variables, **as_role(function, stack.aws_url), "QUEUE_TIMEOUT_S": "5"}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def queue_health_from(address: str) -> dict[str, Any]:
    """The event of `GET /queue-health` from a source address."""
    http = {"method": "GET", "path": "/queue-health", "sourceIp": address, "userAgent": "test"}
    context = {"http": http, "requestId": "test", "routeKey": "GET /queue-health"}
    route = {"version": "2.0", "routeKey": "GET /queue-health", "rawPath": "/queue-health", "headers": {}}
    return {**route, "requestContext": context}


def api_event(method: str, path: str, token: str, body: Any = None) -> dict[str, Any]:
    """The event of a request with a token."""
    http = {"method": method, "path": path, "sourceIp": "192.0.2.1", "userAgent": "test"}
    event = {"version": "2.0", "rawPath": path, "headers": {"authorization": f"Bearer {token}"}}
    return {**event, "requestContext": {"http": http, "requestId": "test"}, "body": json.dumps(body)}


@contextmanager
def serve(stack: Stack, folder: Path, *, redis_port: int = 0) -> Iterator[Served]:
    """Run gateway and node of an applied stack, with only what Terraform created.

    With `redis_port`, the redis-server there stands for the cluster, whose name resolves to nothing here.
    """
    with ExitStack() as ended:
        ready = folder / "gateway.ready"
        arguments = ("--function", "tinyllama-router", "--ready-file", str(ready), "--redis-port", str(redis_port))
        quick = {"QUEUE_TIMEOUT_S": "5"}  # the model keeps both cores busy
        gateway = spawn(
            [sys.executable, "-m", "local.gateway_stack", *arguments],
            env={**as_role("api-gateway", stack.aws_url), **quick},
            log=folder / "gateway.log",
        )
        ended.callback(end, gateway, grace_s=5)
        site = folder / "site.json"
        write_atomically(site, json.dumps(_site(stack, folder, redis_port)))
        node = spawn([sys.executable, "-m", "local.node", "--site", str(site)], log=folder / "node.log")
        ended.callback(end, node, grace_s=5)
        facts = wait_for(lambda: announced(ready), "the gateway", folder / "gateway.log")
        yield Served(stack, facts["url"], _token(stack), folder)


def wait_for(look: Callable[[], Any], what: str, log: Path | None = None, *, pause_s: float = 0.1) -> Any:
    """Return the first true answer of `look`."""
    deadline = time.monotonic() + _PATIENCE_S
    while not (found := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not in {_PATIENCE_S:.0f} s\n{log.read_text()[-4000:] if log else ''}")
        time.sleep(pause_s)
    return found


def node_settings(stack: Stack, folder: Path) -> dict[str, str]:
    """What the node's unit reads before its worker starts: by the same script, with the credentials of the node."""
    found = folder / "settings.env"
    command = [sys.executable, str(READ_SETTINGS), stack.output()["worker_ssm_path"], str(found)]
    done = subprocess.run(
        command, env=environment(as_role(NODE_KEY, stack.aws_url)), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    pairs = (line.partition("=") for line in found.read_text().splitlines())
    return {name: text.strip("'") for name, _, text in pairs}


def _site(stack: Stack, folder: Path, redis_port: int) -> dict[str, Any]:
    variables = local_environment(node_settings(stack, folder), stack.aws_url, redis_port)
    own = {"REPLY_BUCKET", "LEASE_ROLE_ARN", "AWS_REGION"}
    return {
        "aws_url": stack.aws_url,
        "region": variables["AWS_REGION"],
        "queue": {name: value for name, value in variables.items() if name not in own} | {"QUEUE_TIMEOUT_S": "5"},
        "reply_bucket": variables["REPLY_BUCKET"],
        "lease_role_arn": variables["LEASE_ROLE_ARN"],
        "run_dir": str(folder),
        "log_dir": str(folder),
        "slots": 1,
        "watch_every_s": 1.0,
        "seconds_per_minute": 3.0,
    }


def _token(stack: Stack) -> str:
    """What an administrator and then the user do: an account that may resize, a password, and a sign-in."""
    cognito, output = stack.client("cognito-idp"), stack.output()
    pool, client = output["user_pool_id"], output["gui_environment"]["COGNITO_CLIENT_ID"]
    password = f"Aa1!{secrets.token_urlsafe(18)}"
    with suppress(cognito.exceptions.UsernameExistsException):
        cognito.admin_create_user(UserPoolId=pool, Username=USER, MessageAction="SUPPRESS")
    cognito.admin_add_user_to_group(UserPoolId=pool, Username=USER, GroupName="admins")
    cognito.admin_set_user_password(UserPoolId=pool, Username=USER, Password=password, Permanent=True)
    answer = cognito.initiate_auth(
        ClientId=client,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": USER, "PASSWORD": password},
    )
    token: str = answer["AuthenticationResult"]["IdToken"]
    return token
