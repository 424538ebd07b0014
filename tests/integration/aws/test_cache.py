"""ElastiCache: what AWS refuses is refused, and a cluster passes creating, available, deleting and is gone."""

from typing import Any

import pytest

from local.aws.server import StrictAws
from tests.integration.aws.instances import CLOCK, refused

GROUP = "tl-fif-redis-6-2"


@pytest.fixture
def cache(aws: StrictAws) -> Any:
    return aws.client("elasticache")


@pytest.fixture
def wanted(aws: StrictAws, cache: Any) -> dict[str, Any]:
    """What a cluster is created from, with its groups in place."""
    ec2 = aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/22")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.1.0/24")["Subnet"]["SubnetId"]
    firewall = ec2.create_security_group(GroupName="redis", Description="redis", VpcId=vpc)["GroupId"]
    cache.create_cache_subnet_group(
        CacheSubnetGroupName="tl-fif-priv", CacheSubnetGroupDescription="private", SubnetIds=[subnet]
    )
    parameter_group(cache)
    return {
        "Engine": "redis",
        "EngineVersion": "6.2",
        "CacheNodeType": "cache.t4g.small",
        "CacheSubnetGroupName": "tl-fif-priv",
        "CacheParameterGroupName": GROUP,
        "SecurityGroupIds": [firewall],
        "Tags": [{"Key": "Project", "Value": "tinyllama"}],
    }


def parameter_group(cache: Any, **more: Any) -> None:
    given = {"CacheParameterGroupName": GROUP, "CacheParameterGroupFamily": "redis6.x", "Description": "queue"}
    cache.create_cache_parameter_group(**{**given, **more})


def cluster(cache: Any, wanted: dict[str, Any], **more: Any) -> None:
    cache.create_cache_cluster(**{**wanted, "CacheClusterId": "tl-fif-queue", "NumCacheNodes": 1, **more})


def replication_group(cache: Any, wanted: dict[str, Any], **more: Any) -> None:
    described = {"ReplicationGroupId": "tl-fif-queue", "ReplicationGroupDescription": "queue", "NumCacheClusters": 1}
    cache.create_replication_group(**{**wanted, **described, **more})


def status(cache: Any) -> str:
    (found,) = cache.describe_cache_clusters(CacheClusterId="tl-fif-queue")["CacheClusters"]
    return str(found["CacheClusterStatus"])


def pass_time(seconds: float) -> None:
    CLOCK.advance(seconds)


class TestParameterGroups:
    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("maxmemory-polcy", "allkeys-lru", "Could not find parameter with name: maxmemory-polcy"),
            ("maxmemory-policy", "allkeys-lur", "The parameter value allkeys-lur is invalid"),
            ("timeout", "-1", "The parameter value -1 is invalid"),
            ("reserved-memory-percent", "101", "The parameter value 101 is invalid"),
            ("maxmemory", "1gb", "Could not find parameter with name: maxmemory"),
        ],
    )
    def test_a_name_or_value_that_the_family_does_not_have_is_refused(
        self, cache: Any, name: str, value: str, message: str
    ) -> None:
        parameter_group(cache)
        change = [{"ParameterName": name, "ParameterValue": value}]
        code, status, text = refused(
            cache.modify_cache_parameter_group, CacheParameterGroupName=GROUP, ParameterNameValues=change
        )
        assert (code, status) == ("InvalidParameterValue", 400)
        assert message in text

    def test_a_refused_change_sets_none_of_its_values(self, cache: Any) -> None:
        parameter_group(cache)
        change = [
            {"ParameterName": "timeout", "ParameterValue": "60"},
            {"ParameterName": "timeoutt", "ParameterValue": "60"},
        ]
        refused(cache.modify_cache_parameter_group, CacheParameterGroupName=GROUP, ParameterNameValues=change)
        assert cache.describe_cache_parameters(CacheParameterGroupName=GROUP, Source="user")["Parameters"] == []

    def test_an_unknown_family_a_name_that_is_taken_and_one_that_is_unknown_are_refused(self, cache: Any) -> None:
        family = {"CacheParameterGroupFamily": "redis62", "CacheParameterGroupName": GROUP, "Description": "x"}
        assert refused(cache.create_cache_parameter_group, **family)[0] == "InvalidParameterValue"
        parameter_group(cache)
        taken = {**family, "CacheParameterGroupFamily": "redis6.x"}
        assert refused(cache.create_cache_parameter_group, **taken)[0] == "CacheParameterGroupAlreadyExists"
        unknown = refused(cache.describe_cache_parameters, CacheParameterGroupName="other")
        assert unknown[:2] == ("CacheParameterGroupNotFound", 404)

    def test_a_value_is_set_read_back_as_the_users_and_reset(self, cache: Any) -> None:
        parameter_group(cache)
        change = [{"ParameterName": "maxmemory-policy", "ParameterValue": "allkeys-lru"}]
        cache.modify_cache_parameter_group(CacheParameterGroupName=GROUP, ParameterNameValues=change)
        (mine,) = cache.describe_cache_parameters(CacheParameterGroupName=GROUP, Source="user")["Parameters"]
        assert (mine["ParameterName"], mine["ParameterValue"]) == ("maxmemory-policy", "allkeys-lru")
        cache.reset_cache_parameter_group(CacheParameterGroupName=GROUP, ParameterNameValues=change)
        assert cache.describe_cache_parameters(CacheParameterGroupName=GROUP, Source="user")["Parameters"] == []


class TestRefusals:
    @pytest.mark.parametrize(
        ("more", "code"),
        [
            ({"CacheNodeType": "cache.t4g.tiny"}, "InvalidParameterValue"),
            ({"EngineVersion": "6.3"}, "InvalidParameterValue"),
            ({"NumCacheNodes": 2}, "InvalidParameterValue"),
            ({"CacheClusterId": "tl--queue"}, "InvalidParameterValue"),
            ({"CacheSubnetGroupName": "none"}, "CacheSubnetGroupNotFoundFault"),
            ({"CacheParameterGroupName": "none"}, "CacheParameterGroupNotFound"),
            ({"SecurityGroupIds": ["sg-00000000000000000"]}, "InvalidParameterValue"),
        ],
    )
    def test_a_cluster_of_what_does_not_exist(
        self, cache: Any, wanted: dict[str, Any], more: dict[str, Any], code: str
    ) -> None:
        parameters = {**wanted, "CacheClusterId": "tl-fif-queue", "NumCacheNodes": 1, **more}
        assert refused(cache.create_cache_cluster, **parameters)[0] == code
        assert cache.describe_cache_clusters()["CacheClusters"] == []

    def test_a_cluster_that_is_not_available_cannot_be_changed_or_deleted(
        self, cache: Any, wanted: dict[str, Any]
    ) -> None:
        cluster(cache, wanted)
        busy = refused(cache.delete_cache_cluster, CacheClusterId="tl-fif-queue")
        assert busy[0] == "InvalidCacheClusterState"
        assert refused(cache.modify_cache_cluster, CacheClusterId="tl-fif-queue")[0] == "InvalidCacheClusterState"

    def test_groups_in_use_cannot_be_deleted(self, cache: Any, wanted: dict[str, Any]) -> None:
        cluster(cache, wanted)
        group = refused(cache.delete_cache_parameter_group, CacheParameterGroupName=GROUP)
        subnets = refused(cache.delete_cache_subnet_group, CacheSubnetGroupName="tl-fif-priv")
        assert (group[0], subnets[0]) == ("InvalidCacheParameterGroupState", "CacheSubnetGroupInUse")

    def test_one_node_cannot_fail_over(self, cache: Any, wanted: dict[str, Any]) -> None:
        described = {"ReplicationGroupId": "tl-fif-queue", "ReplicationGroupDescription": "queue"}
        parameters = {**wanted, **described, "AutomaticFailoverEnabled": True}
        assert refused(cache.create_replication_group, **parameters)[0] == "InvalidParameterCombination"

    def test_a_member_cannot_be_deleted_without_its_replication_group(self, cache: Any, wanted: dict[str, Any]) -> None:
        replication_group(cache, wanted)
        pass_time(2)
        member = refused(cache.delete_cache_cluster, CacheClusterId="tl-fif-queue-001")
        assert member[0] == "InvalidCacheClusterState"


class TestLife:
    def test_a_cluster_is_creating_then_available_then_deleting_then_gone(
        self, cache: Any, wanted: dict[str, Any]
    ) -> None:
        cluster(cache, wanted)
        assert status(cache) == "creating"
        pass_time(2)
        assert status(cache) == "available"
        cache.delete_cache_cluster(CacheClusterId="tl-fif-queue")
        assert status(cache) == "deleting"
        pass_time(2)
        gone = refused(cache.describe_cache_clusters, CacheClusterId="tl-fif-queue")
        assert gone[:2] == ("CacheClusterNotFound", 404)
        cache.delete_cache_subnet_group(CacheSubnetGroupName="tl-fif-priv")
        cache.delete_cache_parameter_group(CacheParameterGroupName=GROUP)

    def test_its_endpoint_is_there_only_once_it_is_available(self, cache: Any, wanted: dict[str, Any]) -> None:
        cluster(cache, wanted)
        (before,) = cache.describe_cache_clusters(ShowCacheNodeInfo=True)["CacheClusters"]
        pass_time(2)
        (after,) = cache.describe_cache_clusters(ShowCacheNodeInfo=True)["CacheClusters"]
        assert before["CacheNodes"] == []
        (node,) = after["CacheNodes"]
        assert node["Endpoint"]["Port"] == 6379
        assert node["Endpoint"]["Address"].startswith("tl-fif-queue.")
        assert node["Endpoint"]["Address"].endswith(".0001.euc1.cache.amazonaws.com")

    def test_a_replication_group_encrypts_and_lives_and_dies_with_its_one_member(
        self, cache: Any, wanted: dict[str, Any]
    ) -> None:
        replication_group(cache, wanted, AtRestEncryptionEnabled=True)
        pass_time(2)
        (group,) = cache.describe_replication_groups(ReplicationGroupId="tl-fif-queue")["ReplicationGroups"]
        (member,) = cache.describe_cache_clusters()["CacheClusters"]
        assert (group["Status"], member["CacheClusterStatus"]) == ("available", "available")
        assert (group["AtRestEncryptionEnabled"], member["AtRestEncryptionEnabled"]) == (True, True)
        assert group["MemberClusters"] == [member["CacheClusterId"]] == ["tl-fif-queue-001"]
        assert member["EngineVersion"] == "6.2.6"
        assert group["NodeGroups"][0]["PrimaryEndpoint"]["Address"].startswith("tl-fif-queue.")
        cache.delete_replication_group(ReplicationGroupId="tl-fif-queue")
        pass_time(2)
        assert cache.describe_replication_groups()["ReplicationGroups"] == []
        assert cache.describe_cache_clusters()["CacheClusters"] == []

    def test_tags_are_kept(self, cache: Any, wanted: dict[str, Any]) -> None:
        cluster(cache, wanted)
        (found,) = cache.describe_cache_clusters()["CacheClusters"]
        assert cache.list_tags_for_resource(ResourceName=found["ARN"])["TagList"] == wanted["Tags"]

    def test_with_a_redis_server_here_it_is_the_endpoint(
        self, aws: StrictAws, cache: Any, wanted: dict[str, Any]
    ) -> None:
        replication_group(cache, wanted)
        pass_time(2)
        aws.settings(redis_port=16_379)
        (group,) = cache.describe_replication_groups()["ReplicationGroups"]
        (member,) = cache.describe_cache_clusters(ShowCacheNodeInfo=True)["CacheClusters"]
        here = {"Address": "127.0.0.1", "Port": 16_379}
        assert group["NodeGroups"][0]["PrimaryEndpoint"] == member["CacheNodes"][0]["Endpoint"] == here

    def test_the_node_type_can_be_changed_and_what_is_unknown_here_is_not_pretended(
        self, cache: Any, wanted: dict[str, Any]
    ) -> None:
        cluster(cache, wanted)
        pass_time(2)
        cache.modify_cache_cluster(CacheClusterId="tl-fif-queue", CacheNodeType="cache.t4g.micro")
        (found,) = cache.describe_cache_clusters()["CacheClusters"]
        assert found["CacheNodeType"] == "cache.t4g.micro"
        unknown = refused(cache.modify_cache_cluster, CacheClusterId="tl-fif-queue", NewAvailabilityZones=["x"])
        assert unknown[:2] == ("NotImplemented", 501)
