"""What the applied stack put into the account, read back with boto3 as the tickets' post-apply tests ask."""

import json
import re
from typing import Any

import pytest
import yaml

from local.processes import ROOT
from tests.terraform.stack import REGION, Stack
from tinyllama.adapters.audit_log import GROUP as AUDIT_GROUP

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(900)]

OPENAPI = yaml.safe_load((ROOT / "docs" / "api" / "openapi.yaml").read_text())
NODE_TAGS = {"Project": "tinyllama", "Role": "gpu-node"}


def tags(listed: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in listed}


def node(stack: Stack) -> Any:
    filters = [{"Name": f"tag:{key}", "Values": [value]} for key, value in NODE_TAGS.items()]
    ((instance,),) = [
        reservation["Instances"]
        for reservation in stack.client("ec2").describe_instances(Filters=filters)["Reservations"]
    ]
    return instance


class TestEdge:
    @pytest.fixture
    def api(self, stack: Stack) -> str:
        (found,) = stack.client("apigatewayv2").get_apis()["Items"]
        return str(found["ApiId"])

    def test_every_route_has_the_limits_that_terraform_names(self, stack: Stack, api: str) -> None:
        edge = stack.client("apigatewayv2")
        routes = {route["RouteKey"] for route in edge.get_routes(ApiId=api)["Items"]}
        settings = edge.get_stage(ApiId=api, StageName="$default")["RouteSettings"]
        assert set(settings) == routes
        assert all(one["ThrottlingBurstLimit"] >= 1 and one["ThrottlingRateLimit"] >= 1 for one in settings.values())
        for key in ("POST /infer", "POST /stop", "GET /health"):  # API-003's three
            assert (settings[key]["ThrottlingBurstLimit"], settings[key]["ThrottlingRateLimit"]) == (5, 20), key

    def test_every_route_of_the_contract_exists(self, stack: Stack, api: str) -> None:
        routes = {route["RouteKey"] for route in stack.client("apigatewayv2").get_routes(ApiId=api)["Items"]}
        methods = {"get", "post", "delete", "options"}
        contract = {
            f"{method.upper()} {path}"
            for path, item in OPENAPI["paths"].items()
            for method in item
            if method in methods
        }
        assert routes == {*contract - {"GET /$default"}, "$default"}

    def test_the_access_log_says_who_asked_for_what_as_json_and_is_kept_for_30_days(
        self, stack: Stack, api: str
    ) -> None:
        settings = stack.client("apigatewayv2").get_stage(ApiId=api, StageName="$default")["AccessLogSettings"]
        (group,) = stack.client("logs").describe_log_groups(logGroupNamePrefix="/apigw/tinyllama-access")["logGroups"]
        assert settings["DestinationArn"] == group["arn"].removesuffix(":*")
        assert set(json.loads(settings["Format"])) == {"requestId", "ip", "route", "status", "latencyMs", "userAgent"}
        assert group["retentionInDays"] == 30

    def test_the_gateway_may_call_its_functions_and_nobody_else_may(self, stack: Stack, api: str) -> None:
        lambdas = stack.client("lambda")
        policy = json.loads(lambdas.get_policy(FunctionName="tinyllama-router", Qualifier="prod")["Policy"])
        (statement,) = policy["Statement"]
        assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}
        assert f":{api}/" in statement["Condition"]["ArnLike"]["AWS:SourceArn"]


class TestFunctions:
    def test_the_alias_prod_points_to_the_newest_version(self, stack: Stack) -> None:
        lambdas = stack.client("lambda")
        versions = lambdas.list_versions_by_function(FunctionName="tinyllama-router")["Versions"]
        newest = max(int(one["Version"]) for one in versions if one["Version"] != "$LATEST")
        assert lambdas.get_alias(FunctionName="tinyllama-router", Name="prod")["FunctionVersion"] == str(newest)

    def test_each_is_traced_has_the_layer_and_a_log_group_with_a_retention(self, stack: Stack) -> None:
        groups = {group["logGroupName"]: group for group in stack.client("logs").describe_log_groups()["logGroups"]}
        for function in stack.client("lambda").list_functions()["Functions"]:
            assert function["Runtime"] == "python3.12"
            assert function["TracingConfig"]["Mode"] == "Active"
            assert len(function["Layers"]) == 1
            assert groups[function["LoggingConfig"]["LogGroup"]]["retentionInDays"] == 30, function["FunctionName"]

    def test_their_settings_are_accepted_by_our_own_code(self, stack: Stack) -> None:
        from lambdas.queue_health.settings import QueueHealthSettings  # noqa: PLC0415 - beside the other two
        from lambdas.router.settings import RouterSettings  # noqa: PLC0415

        lambdas = stack.client("lambda")
        for name, settings in (("tinyllama-router", RouterSettings), ("tinyllama-queue-health", QueueHealthSettings)):
            found = lambdas.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
            assert settings.from_env({**found, "AWS_REGION": REGION}).tl_queue == "sqs"  # Lambda sets the region

    def test_without_redis_no_function_is_in_the_vpc(self, stack: Stack) -> None:
        for function in stack.client("lambda").list_functions()["Functions"]:
            assert not function.get("VpcConfig", {}).get("SubnetIds"), function["FunctionName"]


class TestQueue:
    def test_the_table_has_our_key_and_forgets(self, stack: Stack) -> None:
        dynamodb = stack.client("dynamodb")
        table = dynamodb.describe_table(TableName="tinyllama-jobs")["Table"]
        assert table["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]
        assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
        ttl = dynamodb.describe_time_to_live(TableName="tinyllama-jobs")["TimeToLiveDescription"]
        assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "ttl_at")

    def test_what_cannot_be_handled_goes_to_the_redrive_queue(self, stack: Stack) -> None:
        sqs = stack.client("sqs")
        url = sqs.get_queue_url(QueueName="tinyllama-jobs")["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert json.loads(found["RedrivePolicy"])["deadLetterTargetArn"].endswith(":tinyllama-jobs-dead")

    def test_redis_is_off(self, stack: Stack) -> None:
        cache = stack.client("elasticache")
        assert cache.describe_cache_clusters()["CacheClusters"] == []
        assert cache.describe_replication_groups()["ReplicationGroups"] == []


class TestNode:
    def test_it_is_stopped_and_tagged(self, stack: Stack) -> None:
        instance = node(stack)
        assert instance["State"]["Name"] == "stopped"
        assert NODE_TAGS.items() <= tags(instance["Tags"]).items()

    def test_its_disk_is_encrypted_gp3_of_30_gib_and_it_stops_on_shutdown(self, stack: Stack) -> None:
        ec2 = stack.client("ec2")
        (template,) = ec2.describe_launch_templates()["LaunchTemplates"]
        versions = ec2.describe_launch_template_versions(
            LaunchTemplateId=template["LaunchTemplateId"], Versions=["$Latest"]
        )["LaunchTemplateVersions"]
        data = versions[0]["LaunchTemplateData"]
        (disk,) = data["BlockDeviceMappings"]
        assert (disk["Ebs"]["VolumeType"], disk["Ebs"]["VolumeSize"], disk["Ebs"]["Encrypted"]) == ("gp3", 30, True)
        assert data["InstanceInitiatedShutdownBehavior"] == "stop"
        assert data["MetadataOptions"]["HttpTokens"] == "required"

    def test_its_settings_are_free_parameters_that_our_own_code_accepts(self, stack: Stack) -> None:
        from worker.settings import WorkerSettings  # noqa: PLC0415 - beside the test of the functions' settings

        found = stack.client("ssm").describe_parameters()["Parameters"]
        assert {(one["Type"], one["Tier"]) for one in found} == {("String", "Standard")}
        read = stack.client("ssm").get_parameters_by_path(Path=stack.output()["worker_ssm_path"])["Parameters"]
        settings = {one["Name"].rpartition("/")[2]: one["Value"] for one in read}
        assert settings == stack.output()["worker_environment"]
        assert WorkerSettings.from_env({**settings, "ENGINE_URL": "http://127.0.0.1:8000"}).tl_queue == "sqs"

    def test_nobody_comes_in(self, stack: Stack) -> None:
        ec2 = stack.client("ec2")
        name = {"Name": "group-name", "Values": ["tinyllama-node"]}
        (group,) = ec2.describe_security_groups(Filters=[name])["SecurityGroups"]
        assert group["IpPermissions"] == []

    def test_the_lease_role_can_stop_the_node_and_is_for_the_scheduler_only(self, stack: Stack) -> None:
        iam = stack.client("iam")
        role = iam.get_role(RoleName="tinyllama-lease")["Role"]
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
        (name,) = iam.list_role_policies(RoleName="tinyllama-lease")["PolicyNames"]
        policy = iam.get_role_policy(RoleName="tinyllama-lease", PolicyName=name)["PolicyDocument"]
        (statement,) = policy["Statement"]
        assert statement["Action"] == ["ec2:StopInstances"]
        expected = {f"aws:ResourceTag/{key}": value for key, value in NODE_TAGS.items()}
        assert statement["Condition"] == {"StringEquals": expected}


class TestMoney:
    def test_the_budget_warns_at_75_and_kills_at_105_percent(self, stack: Stack) -> None:
        budgets = stack.client("budgets")
        account = stack.client("sts").get_caller_identity()["Account"]
        (budget,) = budgets.describe_budgets(AccountId=account)["Budgets"]
        named = {"AccountId": account, "BudgetName": budget["BudgetName"]}
        found = {}
        for notification in budgets.describe_notifications_for_budget(**named)["Notifications"]:
            subscribers = budgets.describe_subscribers_for_notification(**named, Notification=notification)
            found[notification["Threshold"]] = [one["Address"].split(":")[-1] for one in subscribers["Subscribers"]]
        assert found == {75.0: ["tlfif-budget-warn"], 105.0: ["tlfif-budget-kill"]}
        left_out = {name for name, counts in budget["CostTypes"].items() if name.startswith("Include") and not counts}
        assert left_out == {"IncludeCredit", "IncludeRefund"}, "what credits pay for is spent all the same"


class TestEverything:
    def test_every_log_group_has_a_retention(self, stack: Stack) -> None:
        groups = stack.client("logs").describe_log_groups()["logGroups"]
        assert [group["logGroupName"] for group in groups if "retentionInDays" not in group] == []

    def test_the_group_of_the_audit_lines_was_there_before_and_is_kept_for_a_year(self, stack: Stack) -> None:
        groups = stack.client("logs").describe_log_groups(logGroupNamePrefix=AUDIT_GROUP)["logGroups"]
        assert [(group["logGroupName"], group["retentionInDays"]) for group in groups] == [(AUDIT_GROUP, 365)]

    def test_no_bucket_is_public_and_all_insist_on_tls(self, stack: Stack) -> None:
        s3 = stack.client("s3")
        names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"] if bucket["Name"].startswith("tlfif-")]
        assert len(names) >= 3
        for name in names:
            block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
            assert all(block.values()), name
            assert "aws:SecureTransport" in s3.get_bucket_policy(Bucket=name)["Policy"], name

    def test_every_taggable_thing_says_whose_it_is(self, stack: Stack) -> None:
        pages = stack.client("resourcegroupstaggingapi").get_paginator("get_resources").paginate()
        found = {one["ResourceARN"]: tags(one["Tags"]) for page in pages for one in page["ResourceTagMappingList"]}
        untagged = [arn for arn, its in found.items() if its and its.get("Project") != "tinyllama"]
        assert untagged == []
        assert len(found) > 20

    def test_no_role_trusts_everybody(self, stack: Stack) -> None:
        for role in stack.client("iam").list_roles()["Roles"]:
            for statement in role["AssumeRolePolicyDocument"]["Statement"]:
                assert statement["Principal"] not in ("*", {"AWS": "*"}), role["RoleName"]
                assert re.fullmatch(r"sts:AssumeRole(WithWebIdentity)?", statement["Action"]), role["RoleName"]
