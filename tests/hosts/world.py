"""`python -m tests.hosts.world`: what a host under test talks to, on this machine's loopback.

A strict local AWS whose node runs, that node's metadata service, and a Redis; until SIGTERM. Where it all is goes to
the file that `--file` names, which roles' scenarios read (docs/hosts.md).
"""

import argparse
import signal
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event

from local.announce import announce
from local.aws.ec2.imds import Credentials, Identity, serve_imds
from local.aws.seed import seed
from local.aws.server import StrictAws
from local.redis_server import RedisServer
from tinyllama.adapters.ec2_node import Ec2Nodes
from tinyllama.domain.node import NodeState

SSM_PATH = "/tinyllama/test/"


@dataclass(frozen=True)
class Facts:
    """Where things are; `booted_at` is when the node was started, in seconds since the epoch."""

    aws_url: str
    imds_url: str
    redis_host: str
    redis_port: int
    region: str
    instance_id: str
    reply_bucket: str
    lease_role_arn: str
    ssm_path: str
    booted_at: float


def build(stack: ExitStack) -> Facts:
    """Start everything; it ends with the stack."""
    aws = stack.enter_context(StrictAws(boot_s=0.1, stop_s=600))  # a node stays `stopping` for long enough to be seen
    redis = stack.enter_context(RedisServer())
    account = seed(aws.url)
    nodes = Ec2Nodes(aws.client("ec2"))
    nodes.start(account.instance_id)
    while nodes.nodes()[0].state is not NodeState.RUNNING:
        time.sleep(0.02)
    identity = Identity(account.instance_id, "t3.small", account.region, f"{account.region}a")
    imds = stack.enter_context(serve_imds(identity, Credentials()))
    ssm = aws.client("ssm")
    settings = {"REDIS_HOST": redis.host, "REDIS_PORT": redis.port, "REPLY_BUCKET": account.reply_bucket}
    for name, text in settings.items():
        ssm.put_parameter(Name=f"{SSM_PATH}{name}", Value=str(text), Type="String")
    return Facts(
        aws_url=aws.url,
        imds_url=imds.url,
        redis_host=redis.host,
        redis_port=redis.port,
        region=account.region,
        instance_id=account.instance_id,
        reply_bucket=account.reply_bucket,
        lease_role_arn=account.lease_role_arn,
        ssm_path=SSM_PATH.rstrip("/"),
        booted_at=time.time(),
    )


def main() -> int:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(prog="python -m tests.hosts.world", description=__doc__)
    parser.add_argument("--file", type=Path, required=True, help="where to write what is where, as JSON")
    arguments = parser.parse_args()
    ended = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with ExitStack() as stack:
        announce(arguments.file, **asdict(build(stack)))
        ended.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
