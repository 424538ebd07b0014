"""The root really applies: again is nothing, Redis is a switch, and a variable changes only what it names."""

import re
from collections.abc import Iterator

import pytest

from tests.terraform.stack import Change, Stack

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(900)]

# What enable_redis makes or takes away, and what has to be told which queue it is.
_REDIS_ITSELF = re.compile(
    r"module\.queue\.(aws_elasticache_\w+|aws_security_group|aws_ec2_managed_prefix_list"
    r"|aws_vpc_security_group_\w+_rule|aws_cloudwatch_metric_alarm\.redis_memory).*"
    r"|module\.network\.(aws_subnet\.private|aws_route_table\.private|aws_route\.private_ipv6"
    r"|aws_route_table_association\.private|aws_egress_only_internet_gateway|aws_security_group\.functions"
    r"|aws_vpc_security_group_egress_rule\.functions).*"
)
_TOLD = re.compile(
    r'module\.functions\.(aws_lambda_function\.this|aws_iam_role_policy\.\w+)\["(router|queue_health|budget_killer)"\]'
    r"|module\.functions\.aws_lambda_alias\.prod"
    r"|module\.node\.aws_iam_role_policy\.node\[0\]"
    r"|module\.network\.aws_vpc_endpoint\.gateway.*"
)


def test_a_second_plan_is_empty(stack: Stack) -> None:
    assert not stack.is_up_to_date()


@pytest.fixture(scope="class")
def switched_on(stack: Stack) -> Iterator[list[Change]]:
    changes = stack.plan(enable_redis=True)
    stack.apply_plan()
    yield changes
    stack.plan()
    stack.apply_plan()


class TestRedisIsASwitch:
    def test_switching_it_on_creates_redis_and_tells_those_who_use_the_queue_and_nothing_else(
        self, switched_on: list[Change]
    ) -> None:
        created = {change.address for change in switched_on if change.actions == ("create",)}
        updated = {change.address for change in switched_on if change.actions == ("update",)}
        assert len(created) + len(updated) == len(switched_on), "something is replaced or deleted"
        assert [address for address in created if not _REDIS_ITSELF.fullmatch(address)] == []
        assert [address for address in updated if not _TOLD.fullmatch(address)] == []
        assert "module.queue.aws_elasticache_replication_group.queue[0]" in created

    def test_a_plan_with_it_on_is_empty(self, stack: Stack, switched_on: list[Change]) -> None:
        assert not stack.is_up_to_date(enable_redis=True)

    def test_the_cluster_is_as_red_001_asks(self, stack: Stack, switched_on: list[Change]) -> None:
        cache = stack.client("elasticache")
        (member,) = cache.describe_cache_clusters(ShowCacheNodeInfo=True)["CacheClusters"]
        assert (member["CacheNodeType"], member["EngineVersion"][:3]) == ("cache.t4g.small", "6.2")
        assert member["ReplicationGroupId"] == "tl-fif-queue"
        assert (member["AtRestEncryptionEnabled"], member["TransitEncryptionEnabled"]) == (True, False)
        assert member["CacheSubnetGroupName"] == "tl-fif-priv"
        group = member["CacheParameterGroup"]["CacheParameterGroupName"]
        (own,) = cache.describe_cache_parameters(CacheParameterGroupName=group, Source="user")["Parameters"]
        assert (own["ParameterName"], own["ParameterValue"]) == ("maxmemory-policy", "allkeys-lru")

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

    def test_the_functions_that_need_it_are_in_the_vpc_and_know_its_host(
        self, stack: Stack, switched_on: list[Change]
    ) -> None:
        lambdas = stack.client("lambda")
        for name in ("tinyllama-router", "tinyllama-queue-health"):
            found = lambdas.get_function_configuration(FunctionName=name)
            variables = found["Environment"]["Variables"]
            assert variables["TL_QUEUE"] == "redis"
            assert variables["REDIS_HOST"].endswith(".cache.amazonaws.com")
            assert len(found["VpcConfig"]["SubnetIds"]) == 2


def test_switched_off_again_nothing_of_redis_is_left(stack: Stack) -> None:
    cache = stack.client("elasticache")
    assert cache.describe_cache_clusters()["CacheClusters"] == []
    assert cache.describe_cache_parameter_groups()["CacheParameterGroups"] == []
    assert cache.describe_cache_subnet_groups()["CacheSubnetGroups"] == []
    names = {group["GroupName"] for group in stack.client("ec2").describe_security_groups()["SecurityGroups"]}
    assert not names & {"tinyllama-redis", "tinyllama-functions"}
    assert not stack.is_up_to_date()


def test_another_budget_changes_the_budget_and_those_who_know_it_only(stack: Stack) -> None:
    changed = {change.address: change.actions for change in stack.plan(budget_eur=15)}
    assert changed.pop("module.ops.aws_budgets_budget.tlfif_monthly") == ("update",)
    assert all(actions == ("update",) for actions in changed.values())
    assert all("aws_lambda_function" in address or "aws_lambda_alias" in address for address in changed)
    stack.apply_plan()
    account = stack.client("sts").get_caller_identity()["Account"]
    (budget,) = stack.client("budgets").describe_budgets(AccountId=account)["Budgets"]
    assert float(budget["BudgetLimit"]["Amount"]) < 20
    stack.plan()
    stack.apply_plan()
