"""The admin API with its outside in memory, for the tests of what it answers and of what it writes down."""

import json
from typing import Any

import pytest

from lambdas.resize import handler, wiring
from lambdas.resize.routes import Adapters
from tests.tokens import AUDIENCE, ISSUER, key_set, token
from tinyllama.adapters.cognito import CognitoVerifier
from tinyllama.adapters.key_set import KeySet
from tinyllama.adapters.memory_automation import MemoryAutomation
from tinyllama.adapters.memory_nodes import MemoryNodes
from tinyllama.domain.lease import LeasePolicy
from tinyllama.domain.node import Node, NodeState

NOW = 1_700_000_000.0
TYPES = ("t3.small", "g4dn.xlarge")
DOCUMENT = "TL-ResizeInstance"


class Desk:
    """The function with its outside in memory, and the requests that an admin would send."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *nodes: Node) -> None:
        self.nodes, self.automation = MemoryNodes(*nodes, now=NOW), MemoryAutomation()
        out = Adapters(
            tokens=CognitoVerifier(ISSUER, AUDIENCE, KeySet(key_set)),
            nodes=lambda: self.nodes,
            automation=lambda: self.automation,
            document=DOCUMENT,
            types=TYPES,
            region="eu-central-1",
            policy=LeasePolicy(),
            clock=lambda: NOW,
        )
        monkeypatch.setattr(wiring, "adapters", lambda: out)

    def call(
        self, body: Any = None, path: str = "/resize", *, groups: list[str] | None = None, **headers: str
    ) -> tuple[int, Any]:
        method = "POST" if path == "/resize" else "GET"
        admin = ["admins"] if groups is None else groups
        sent = {"authorization": f"Bearer {token(groups=admin)}"} | headers
        event = {
            "rawPath": path,
            "headers": {name: text for name, text in sent.items() if text},
            "requestContext": {"requestId": "r-1", "http": {"method": method, "sourceIp": "203.0.113.9"}},
            "body": json.dumps(body) if isinstance(body, dict) else body,
        }
        answer = handler.lambda_handler(event)
        assert answer["headers"]["x-request-id"] == "r-1"
        return answer["statusCode"], json.loads(answer["body"])


def node(state: NodeState = NodeState.STOPPED, **more: Any) -> Node:
    return Node("i-1", state, "t3.small", **more)
