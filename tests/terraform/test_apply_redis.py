"""Redis is a switch: on, it changes just what is listed here, and serves; off, just that is gone (docs/adr/0057)."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from local.aws.policy import Decision, decide
from local.redis_server import RedisServer
from tests.terraform.measured import NODE_ROLE, policies, uses
from tests.terraform.serving import Served, invoke, serve, wait_for
from tests.terraform.stack import Change, Stack

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(900)]

CREATED = {
    # Redis itself, its way in and out, and its alarm
    "module.queue.aws_elasticache_replication_group.queue[0]",
    "module.queue.aws_elasticache_parameter_group.queue[0]",
    "module.queue.aws_elasticache_subnet_group.queue[0]",
    "module.queue.aws_security_group.redis[0]",
    'module.queue.aws_vpc_security_group_ingress_rule.redis["functions"]',
    'module.queue.aws_vpc_security_group_ingress_rule.redis["node"]',
    "module.queue.aws_vpc_security_group_egress_rule.redis[0]",
    "module.queue.aws_ec2_managed_prefix_list.aws_services[0]",
    "module.queue.aws_cloudwatch_metric_alarm.redis_memory[0]",
    # the private subnets that Redis and the functions beside it are in, with a way out for IPv6
    "module.network.aws_subnet.private[0]",
    "module.network.aws_subnet.private[1]",
    "module.network.aws_route_table.private[0]",
    "module.network.aws_route_table_association.private[0]",
    "module.network.aws_route_table_association.private[1]",
    "module.network.aws_egress_only_internet_gateway.private[0]",
    "module.network.aws_route.private_ipv6[0]",
    # what those functions may reach: Redis, and AWS
    "module.network.aws_security_group.functions[0]",
    "module.queue.aws_vpc_security_group_egress_rule.functions_redis[0]",
    "module.network.aws_vpc_security_group_egress_rule.functions_aws[0]",
    'module.network.aws_vpc_security_group_egress_rule.functions_gateway["dynamodb"]',
    'module.network.aws_vpc_security_group_egress_rule.functions_gateway["s3"]',
    # where the node finds Redis
    'module.node.aws_ssm_parameter.settings["REDIS_HOST"]',
}
UPDATED = {
    # where the two that use the queue are, and which queue they use; a new version of the router, and its alias
    'module.functions.aws_lambda_function.this["router"]',
    'module.functions.aws_lambda_function.this["queue_health"]',
    "module.functions.aws_lambda_alias.prod",
    # they may join the VPC now, and need no other queue
    'module.functions.aws_iam_role_policy.runtime["router"]',
    'module.functions.aws_iam_role_policy.runtime["queue_health"]',
    'module.functions.aws_iam_role_policy.duties["router"]',
    'module.functions.aws_iam_role_policy.duties["queue_health"]',
    # the same for the node
    "module.node.aws_iam_role_policy.node[0]",
    'module.node.aws_ssm_parameter.settings["TL_QUEUE"]',
    # the gateway endpoints serve the private subnets as well
    'module.network.aws_vpc_endpoint.gateway["dynamodb"]',
    'module.network.aws_vpc_endpoint.gateway["s3"]',
}


def addresses(changes: list[Change]) -> dict[tuple[str, ...], set[str]]:
    """The addresses of a plan, by what is done to them."""
    return {
        actions: {change.address for change in changes if change.actions == actions}
        for actions in {change.actions for change in changes}
    }


@pytest.fixture(scope="module")
def switched_on(stack: Stack) -> list[Change]:
    changes = stack.plan(enable_redis=True)
    stack.apply_plan()
    return changes


class TestOn:
    def test_it_creates_redis_and_tells_those_who_use_the_queue_and_nothing_else(
        self, switched_on: list[Change]
    ) -> None:
        assert addresses(switched_on) == {("create",): CREATED, ("update",): UPDATED}

    def test_a_plan_with_it_on_is_empty(self, stack: Stack, switched_on: list[Change]) -> None:
        assert not stack.is_up_to_date(enable_redis=True)

    def test_the_cluster_is_as_red_001_asks(self, stack: Stack, switched_on: list[Change]) -> None:
        cache = stack.client("elasticache")
        (member,) = cache.describe_cache_clusters(ShowCacheNodeInfo=True)["CacheClusters"]
        assert (member["CacheNodeType"], member["EngineVersion"][:3]) == ("cache.t4g.small", "6.2")
        assert member["ReplicationGroupId"] == "tl-fif-queue"
        assert (member["AtRestEncryptionEnabled"], member["TransitEncryptionEnabled"]) == (True, False)
        assert member["CacheSubnetGroupName"] == "tl-fif-priv"
        assert cluster_parameters(stack) == {"maxmemory-policy": "allkeys-lru"}

    def test_only_functions_and_node_reach_it_and_it_reaches_a_prefix_list_only(
        self, stack: Stack, switched_on: list[Change]
    ) -> None:
        ec2 = stack.client("ec2")
        (member,) = stack.client("elasticache").describe_cache_clusters()["CacheClusters"]
        (firewall,) = [group["SecurityGroupId"] for group in member["SecurityGroups"]]
        rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [firewall]}])
        inward = [rule for rule in rules["SecurityGroupRules"] if not rule["IsEgress"]]
        outward = [rule for rule in rules["SecurityGroupRules"] if rule["IsEgress"]]
        groups = {group["GroupName"]: group["GroupId"] for group in ec2.describe_security_groups()["SecurityGroups"]}
        expected = {groups["tinyllama-functions"], groups["tinyllama-node"]}
        assert {rule["ReferencedGroupInfo"]["GroupId"] for rule in inward} == expected
        assert {(rule["FromPort"], rule["ToPort"], rule["IpProtocol"]) for rule in inward} == {(6379, 6379, "tcp")}
        assert not any("CidrIpv4" in rule or "CidrIpv6" in rule for rule in inward + outward)
        assert len(outward) == 1
        assert all(rule["PrefixListId"] for rule in outward)

    def test_functions_and_node_know_its_host_and_the_functions_are_beside_it(
        self, stack: Stack, switched_on: list[Change]
    ) -> None:
        (group,) = stack.client("elasticache").describe_replication_groups()["ReplicationGroups"]
        host = group["NodeGroups"][0]["PrimaryEndpoint"]["Address"]
        for name in ("tinyllama-router", "tinyllama-queue-health"):
            found = stack.client("lambda").get_function_configuration(FunctionName=name)
            variables = found["Environment"]["Variables"]
            assert (variables["TL_QUEUE"], variables["REDIS_HOST"]) == ("redis", host)
            assert len(found["VpcConfig"]["SubnetIds"]) == 2
        settings = stack.client("ssm").get_parameters_by_path(Path="/tinyllama/worker")["Parameters"]
        told = {one["Name"].rpartition("/")[2]: one["Value"] for one in settings}
        assert (told["TL_QUEUE"], told["REDIS_HOST"]) == ("redis", host)


def cluster_parameters(stack: Stack) -> dict[str, str]:
    """What the cluster's parameter group says otherwise than its family."""
    cache = stack.client("elasticache")
    (member,) = cache.describe_cache_clusters()["CacheClusters"]
    group = member["CacheParameterGroup"]["CacheParameterGroupName"]
    found = cache.describe_cache_parameters(CacheParameterGroupName=group, Source="user")["Parameters"]
    return {one["ParameterName"]: one["ParameterValue"] for one in found}


@pytest.fixture(scope="class")
def cluster(stack: Stack, switched_on: list[Change]) -> Iterator[RedisServer]:
    """A real Redis in the cluster's place, with the cluster's own parameters."""
    options = {f"--{name}": value for name, value in cluster_parameters(stack).items()}
    with RedisServer(options={"--maxmemory": "64mb", **options}) as server:
        yield server


@pytest.fixture(scope="class")
def served_on_redis(stack: Stack, cluster: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    stack.forget_calls()
    assert invoke(stack, "tinyllama-jwks-mirror", {})["kids"]  # as its schedule does every ten minutes
    with serve(stack, tmp_path_factory.mktemp("redis"), redis_port=cluster.port) as running:
        yield running
    stack.forget_calls()  # they were allowed by policies that the switch takes away again


class TestServing:
    def test_a_prompt_wakes_the_node_and_is_answered(self, served_on_redis: Served, cluster: RedisServer) -> None:
        accepted = served_on_redis.call("POST", "/infer", json={"prompt": "What is a lease?", "idle": 1})
        assert (accepted.status_code, accepted.json()["status"]) == (202, "starting"), accepted.text
        job = accepted.json()["id"]

        def ended() -> dict[str, Any] | None:
            state: dict[str, Any] = served_on_redis.call("GET", f"/jobs/{job}").json()
            return state if state.get("status") in {"done", "failed"} else None

        state = wait_for(ended, "the reply", served_on_redis.folder / "worker.log", pause_s=0.5)
        assert (state["status"], bool(state["text"].strip())) == ("done", True)
        bucket = served_on_redis.stack.output()["reply_bucket"]
        kept = served_on_redis.stack.client("s3").get_object(Bucket=bucket, Key=f"{job}.json")["Body"].read()
        assert json.loads(kept)["text"] == state["text"]
        with redis.Redis(port=cluster.port) as queue:
            assert queue.exists(f"state:{job}"), "the job went another way than through Redis"

    def test_the_node_falls_asleep_and_nobody_has_asked_the_other_queue(self, served_on_redis: Served) -> None:
        wait_for(lambda: served_on_redis.node_state() == "stopped", "the watchdog")
        asked = {one["service"] for one in served_on_redis.stack.calls() if one["caller"] != "testing"}
        assert asked & {"sqs", "dynamodb"} == set()

    def test_every_call_is_allowed_by_the_policies_of_this_queue(self, served_on_redis: Served) -> None:
        found = uses(served_on_redis.stack)
        for role in ("tinyllama-router", NODE_ROLE):
            documents = policies(served_on_redis.stack, role)
            refused = {one.action for one in found[role] if decide(documents, one) is not Decision.ALLOW}
            assert found[role], role
            assert refused == set(), role


def test_switched_off_again_exactly_that_is_gone(stack: Stack, switched_on: list[Change]) -> None:
    changes = stack.plan()
    stack.apply_plan()
    assert addresses(changes) == {("delete",): CREATED, ("update",): UPDATED}
    cache = stack.client("elasticache")
    assert cache.describe_cache_clusters()["CacheClusters"] == []
    assert cache.describe_cache_parameter_groups()["CacheParameterGroups"] == []
    assert cache.describe_cache_subnet_groups()["CacheSubnetGroups"] == []
    names = {group["GroupName"] for group in stack.client("ec2").describe_security_groups()["SecurityGroups"]}
    assert not names & {"tinyllama-redis", "tinyllama-functions"}
    assert not stack.is_up_to_date()
