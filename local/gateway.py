"""The gateway as a process: command line, the functions' environment, uvicorn."""

import argparse
import importlib
import os
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import boto3
import uvicorn
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from local.announce import announce, announced
from local.gateway_app import Gateway, Handler
from local.gateway_event import Route
from local.gateway_protocol import StrictHttp
from local.gateway_routes import routes

HOST = "127.0.0.1"
ENVIRONMENT_PATIENCE_S = 60.0


class _AnnouncingServer(uvicorn.Server):
    """Says where it listens as soon as it does."""

    def __init__(self, config: uvicorn.Config, ready_file: Path | None) -> None:
        super().__init__(config)
        self._ready_file = ready_file

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept connections."""
        await super().startup(sockets)
        if sockets:
            announce(self._ready_file, url=f"http://{HOST}:{sockets[0].getsockname()[1]}")


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM; exit code 1 when the port is taken."""
    arguments = _parser().parse_args(argv)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, arguments.port))
        except OSError as error:
            sys.stderr.write(f"local.gateway: port {arguments.port} is in use ({error.strerror}): choose another\n")
            return 1
        table = routes()
        handlers = _handlers(table)  # imported, as models are read, while the environment is still being made
        _read_models()
        if arguments.environment and not _load_environment(arguments.environment):
            sys.stderr.write(f"local.gateway: {arguments.environment} did not appear\n")
            return 1
        server(Gateway(table, handlers), arguments.ready_file).run(sockets=[listener])
    return 0


def _read_models() -> None:
    """Read what the clients are made by that the router makes when it wakes the node: somebody would wait."""
    nobody = {"aws_access_key_id": "-", "aws_secret_access_key": "-"}  # or boto3 would look for somebody
    for service in ("ec2", "scheduler"):
        boto3.client(service, region_name="eu-central-1", **nobody)  # type: ignore[call-overload]


def _handlers(table: Iterable[Route]) -> dict[str, Handler]:
    found: dict[str, Handler] = {}
    for name in {route.handler for route in table}:
        module, _, function = name.rpartition(".")
        found[name] = getattr(importlib.import_module(module), function)
    return found


def _load_environment(path: Path) -> bool:
    """Become the functions' environment; Lambda would set it before the start, here it is made meanwhile."""
    try:
        found: dict[str, Any] | None = Retrying(
            stop=stop_after_delay(ENVIRONMENT_PATIENCE_S),
            wait=wait_fixed(0.01),
            retry=retry_if_result(lambda facts: facts is None),
        )(announced, path)
    except RetryError:
        return False
    os.environ.update(found or {})
    return True


def server(gateway: Any, ready_file: Path | None) -> uvicorn.Server:
    """The server of an ASGI application, that says where it listens."""
    config = uvicorn.Config(
        gateway,
        http=StrictHttp,
        ws="none",
        lifespan="off",
        proxy_headers=False,  # API Gateway, too, takes the address of the connection, whatever the client claims
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    return _AnnouncingServer(config, ready_file)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.gateway", description="Serve the HTTP API on loopback.")
    parser.add_argument("--port", type=int, default=8787, help="port on 127.0.0.1; 0 takes a free one (default: 8787)")
    parser.add_argument("--environment", type=Path, help="JSON file with the functions' environment; awaited")
    parser.add_argument("--ready-file", type=Path, help='where to write {"url": ...} once requests are served')
    return parser


if __name__ == "__main__":
    sys.exit(main())
