"""The module `tl_queue_cluster` and the runbook `queue.yml`, on the strict local AWS, a real Redis as the cluster."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from botocore.exceptions import ReadTimeoutError

from library import tl_queue_cluster
from local.redis_server import HOST, RedisServer
from tests import factories
from tests.ansible.conftest import Cloud, Run
from tinyllama.adapters.queue_cluster import QueueCluster, connect
from tinyllama.adapters.redis_admissions import RedisAdmissions
from tinyllama.adapters.redis_link import RedisLink
from tinyllama.domain.queue_cluster import ClusterState
from tinyllama.queue_cluster import smoke

Module = Callable[..., dict[str, Any]]
WRITES = ["CreateReplicationGroup", "DeleteReplicationGroup"]


@pytest.fixture
def redis(cloud: Cloud) -> Iterator[RedisServer]:
    """Terraform's groups, and a server that stands for every cluster."""
    ec2, cache = cloud.ec2, cloud.aws.client("elasticache")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/22")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.1.0/24")["Subnet"]["SubnetId"]
    ec2.create_security_group(GroupName="tinyllama-redis", Description="redis", VpcId=vpc)
    cache.create_cache_subnet_group(
        CacheSubnetGroupName="tl-fif-priv", CacheSubnetGroupDescription="private", SubnetIds=[subnet]
    )
    cache.create_cache_parameter_group(
        CacheParameterGroupName="tl-fif-redis-6-2", CacheParameterGroupFamily="redis6.x", Description="queue"
    )
    with RedisServer() as server:
        cloud.aws.settings(cache_s=0.2, redis_port=server.port)
        cloud.aws.clear()
        yield server


def writes(cloud: Cloud) -> list[str]:
    return cloud.writes("elasticache")


@pytest.fixture
def module(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> Module:
    def run(*, check: bool = False, **options: Any) -> dict[str, Any]:
        capsys.readouterr()
        arguments = {"poll_interval": 0.05, **options, "_ansible_check_mode": check, "_ansible_diff": True}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            tl_queue_cluster.main()
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return run


@pytest.mark.parametrize("state", ["present", "absent"])
def test_check_do_check_do_is_changed_changed_ok_ok(
    cloud: Cloud, redis: RedisServer, module: Module, state: str
) -> None:
    if state == "absent":
        module(state="present")
        cloud.aws.clear()
    predicted = module(check=True, state=state)
    assert writes(cloud) == []
    done = module(state=state)
    assert writes(cloud) == WRITES[state == "absent" :][:1]
    cloud.aws.clear()
    again = [module(check=True, state=state), module(state=state)]
    assert writes(cloud) == []
    assert [answer["changed"] for answer in (predicted, done, *again)] == [True, True, False, False]
    varying = {"endpoint": 0, "invocation": 0}
    assert predicted | varying == done | varying
    assert done["endpoint"] == (f"{HOST}:{redis.port}" if state == "present" else "")


def test_without_waiting_it_is_begun_and_waited_for_later(cloud: Cloud, redis: RedisServer, module: Module) -> None:
    cloud.aws.settings(cache_s=0.6)
    predicted, done = module(check=True, state="present", wait=False), module(state="present", wait=False)
    assert predicted | {"invocation": 0} == done | {"invocation": 0}
    assert (done["changed"], done["after"]["state"]) == (True, "creating")
    again = module(state="present", wait=False)
    assert (again["changed"], writes(cloud)) == (False, WRITES[:1])
    waited = module(state="present")
    assert (waited["changed"], waited["after"]["state"], writes(cloud)) == (False, "available", WRITES[:1])


def test_without_terraforms_groups_nothing_is_touched(cloud: Cloud, module: Module) -> None:
    answer = module(state="present")
    assert "terraform apply -var enable_redis=true" in answer["msg"]
    assert (answer["restored"], writes(cloud)) == (None, [])


def test_a_cluster_on_its_way_out_is_waited_for_and_made_anew(cloud: Cloud, redis: RedisServer, module: Module) -> None:
    module(state="present")
    cloud.aws.settings(cache_s=1)  # so that it is still on its way out when it is looked at, on a busy machine too
    cloud.aws.client("elasticache").delete_replication_group(ReplicationGroupId="tl-fif-queue")
    answer = module(state="present")
    assert [step["action"] for step in answer["steps"]] == ["wait", "create", "wait"]
    assert answer["after"]["state"] == "available"


def test_a_cluster_with_jobs_is_deleted_only_by_force(cloud: Cloud, redis: RedisServer, module: Module) -> None:
    module(state="present")
    RedisAdmissions(RedisLink(HOST, redis.port, timeout_s=5)).admit(factories.job())
    cloud.aws.clear()
    refused = module(state="absent")
    assert "1 jobs are queued or in flight" in refused["msg"]
    assert (refused["restored"], writes(cloud)) == (None, [])
    forced = module(state="absent", force=True)
    assert (forced["after"]["state"], forced["lost"]) == ("absent", "1 jobs")


def test_a_cluster_whose_jobs_nobody_can_count_from_here_is_deleted_only_by_force(
    cloud: Cloud, redis: RedisServer, module: Module, runbook: Callable[..., Run]
) -> None:
    cloud.aws.settings(redis_port=9)
    module(state="present")
    cloud.aws.clear()
    refused = runbook("queue", state="absent", confirm="tl-fif-queue")
    assert (refused.code, writes(cloud)) == (2, [])
    assert "is unknown: Redis cannot be reached from here" in refused.output
    assert "-e force=true" in refused.output
    planned = runbook("queue", "--check", state="absent")
    assert planned.code == 0, planned.output
    assert "lost: unknown" in planned.output
    deleted = module(state="absent", force=True)
    assert (deleted["after"]["state"], deleted["jobs"], deleted["lost"]) == ("absent", None, "unknown")
    again = module(state="absent")
    assert (again["changed"], again["lost"]) == (False, "nothing")


def test_a_cluster_out_of_reach_is_warned_about(cloud: Cloud, redis: RedisServer, module: Module) -> None:
    cloud.aws.settings(redis_port=9)
    answer = module(state="present")
    assert answer["after"]["state"] == "available"
    assert "cannot be reached from here" in json.dumps(answer["warnings"])


def test_a_wait_that_takes_too_long_says_so_and_is_gone_on_with(
    cloud: Cloud, redis: RedisServer, module: Module
) -> None:
    cloud.aws.settings(cache_s=0.6)
    answer = module(state="present", wait_timeout=0)
    assert "still creating after 0 s. Running the same command again goes on" in answer["msg"]
    assert answer["restored"] is False
    assert module(state="present")["after"]["state"] == "available"


def test_throttling_for_a_moment_is_survived(cloud: Cloud, redis: RedisServer, module: Module) -> None:
    cloud.aws.fail("elasticache:CreateReplicationGroup", "Throttling", times=1, status=400)
    assert module(state="present")["after"]["state"] == "available"


class LosesAnswers:
    """A client whose writes are accepted, and whose answers never arrive."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)

        def lost(**wanted: Any) -> Any:
            answer = call(**wanted)
            if name.startswith("describe"):
                return answer
            raise ReadTimeoutError(endpoint_url="elasticache")

        return lost


def test_a_delete_whose_answer_was_lost_is_known_by_looking(cloud: Cloud, redis: RedisServer, module: Module) -> None:
    module(state="present")
    QueueCluster(LosesAnswers(connect("elasticache")), connect("ec2")).delete()
    assert module(state="absent")["after"]["state"] == "absent"


def test_a_create_that_is_repeated_finds_its_own_cluster(cloud: Cloud, redis: RedisServer, module: Module) -> None:
    control = QueueCluster(connect("elasticache"), connect("ec2"))
    control.create(control.firewall())
    control.create(control.firewall())
    assert control.look().state is ClusterState.CREATING


def test_smoke_finds_a_redis_that_forgets_lives(redis: RedisServer) -> None:
    link = RedisLink(HOST, redis.port, timeout_s=5)

    class Forgets:
        def ask(self, *words: str | int) -> Any:
            return link.ask(*words[:3]) if words[0] == "SET" else link.ask(*words)

    assert smoke(link) is None
    assert "has -1 s left" in str(smoke(Forgets()))


def test_bad_input_is_refused(module: Module) -> None:
    assert "value of state must be one of" in module(state="off")["msg"]


def test_the_runbook_makes_it_and_deletes_it_and_leaves_lines(
    cloud: Cloud, redis: RedisServer, runbook: Callable[..., Run]
) -> None:
    quick = {"poll_interval": "0.05", "confirm": "tl-fif-queue"}
    refused = runbook("queue", state="present")
    assert (refused.code, writes(cloud)) == (2, [])
    assert "-e confirm=tl-fif-queue" in refused.output
    made = runbook("queue", state="present", **quick)
    assert made.code == 0, made.output
    assert "0 -> 0.0324" in made.output
    gone = runbook("queue", state="absent", **quick)
    assert gone.code == 0, gone.output
    assert "lost: nothing" in gone.output
    assert writes(cloud) == WRITES
    assert [line["outcome"] for line in gone.audit] == ["refused", "changed", "changed"]
    assert gone.audit[-1]["eur_per_hour"] == {"before": "0.0324", "after": "0"}
