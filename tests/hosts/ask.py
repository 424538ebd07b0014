"""`python -m tests.hosts.ask VERB`: what a scenario's verify asks of the world around the host; answers in JSON.

enqueue [WORDS]   admit a job of that many words as the API would; its id
status ID         where the job is: status, partial, text
hold              admit a job and claim it, as a worker that is busy; nothing ends it but `free`
free              empty the queue
node              the state of the EC2 node
door              whether the queue takes jobs for the node that runs
parameter NAME VALUE   set an SSM parameter below the host's path
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from tests.factories import ALICE, job
from tests.hosts.world import Facts
from tinyllama.adapters.redis_admissions import RedisAdmissions
from tinyllama.adapters.redis_async_link import RedisAsyncLink
from tinyllama.adapters.redis_dispatch import RedisDispatch
from tinyllama.adapters.redis_link import RedisLink
from tinyllama.domain.limits import DispatchLimits

HELD_S = 600.0


def _aws(facts: Facts, service: str) -> Any:
    return boto3.client(  # type: ignore[call-overload]
        service,
        region_name=facts.region,
        endpoint_url=facts.aws_url,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


def _enqueue(facts: Facts, words: int = 3) -> dict[str, Any]:
    asked = job(prompt=" ".join(f"word{n}" for n in range(words)))
    api = RedisAdmissions(RedisLink(facts.redis_host, facts.redis_port, timeout_s=2))
    admission = api.admit(asked)
    return {"id": asked.id, "code": str(admission.code), "worker_ready": admission.worker_ready}


async def _hold(facts: Facts) -> dict[str, Any]:
    held = _enqueue(facts)
    limits = DispatchLimits(lease_s=HELD_S)
    dispatch = RedisDispatch(RedisAsyncLink(facts.redis_host, facts.redis_port), "busy-worker", limits)
    await dispatch.open()
    claims = await dispatch.claim(1, wait_s=1)
    await dispatch.close()
    return {**held, "claimed": [claim.job.id for claim in claims.run]}


def answer(facts: Facts, verb: str, words: list[str]) -> dict[str, Any]:
    """Do it. Raises KeyError for a verb that there is not."""
    link = RedisLink(facts.redis_host, facts.redis_port, timeout_s=2)

    def status(job_id: str) -> dict[str, Any]:
        view = RedisAdmissions(link).look(job_id, ALICE).view
        return {"status": view.status, "partial": view.partial, "text": view.text} if view else {"status": "unknown"}

    def free() -> dict[str, Any]:
        link.ask("FLUSHALL")
        return {}

    def door() -> dict[str, Any]:
        return {"open": link.ask("EXISTS", "node:draining") == 0}

    def node() -> dict[str, Any]:
        [group] = _aws(facts, "ec2").describe_instances(InstanceIds=[facts.instance_id])["Reservations"]
        return {"state": group["Instances"][0]["State"]["Name"]}

    def parameter(name: str, value: str) -> dict[str, Any]:
        _aws(facts, "ssm").put_parameter(Name=f"{facts.ssm_path}/{name}", Value=value, Type="String", Overwrite=True)
        return {}

    verbs: dict[str, Callable[..., dict[str, Any]]] = {
        "enqueue": lambda *text: _enqueue(facts, *map(int, text)),
        "hold": lambda: asyncio.run(_hold(facts)),
        "status": status,
        "free": free,
        "node": node,
        "door": door,
        "parameter": parameter,
    }
    return verbs[verb](*words)


def main() -> int:
    """Answer one question about the world that $TL_WORLD names."""
    facts = Facts(**json.loads(Path(os.environ["TL_WORLD"]).read_text()))
    sys.stdout.write(json.dumps(answer(facts, sys.argv[1], sys.argv[2:])) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
