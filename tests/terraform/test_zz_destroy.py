"""Last of all: nothing is left after `terraform destroy`, but for the bucket with the state."""

import pytest

from tests.terraform.stack import STATE_BUCKET, Stack

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(900)]


def test_destroy_leaves_nothing(stack: Stack) -> None:
    stack.destroy()
    left = {
        "buckets": [b["Name"] for b in stack.client("s3").list_buckets()["Buckets"] if b["Name"] != STATE_BUCKET],
        "apis": stack.client("apigatewayv2").get_apis()["Items"],
        "functions": stack.client("lambda").list_functions()["Functions"],
        "layers": stack.client("lambda").list_layers()["Layers"],
        "roles": [role["RoleName"] for role in stack.client("iam").list_roles()["Roles"]],
        "profiles": stack.client("iam").list_instance_profiles()["InstanceProfiles"],
        "tables": stack.client("dynamodb").list_tables()["TableNames"],
        "queues": stack.client("sqs").list_queues().get("QueueUrls", []),
        "topics": stack.client("sns").list_topics()["Topics"],
        "pools": stack.client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"],
        "alarms": stack.client("cloudwatch").describe_alarms()["MetricAlarms"],
        "dashboards": stack.client("cloudwatch").list_dashboards()["DashboardEntries"],
        "log groups": stack.client("logs").describe_log_groups()["logGroups"],
        "rules": stack.client("events").list_rules()["Rules"],
        "schedules": stack.client("scheduler").list_schedules()["Schedules"],
        "documents": stack.client("ssm").list_documents(Filters=[{"Key": "Owner", "Values": ["Self"]}])[
            "DocumentIdentifiers"
        ],
        "parameters": [one["Name"] for one in stack.client("ssm").describe_parameters()["Parameters"]],
        "trails": stack.client("cloudtrail").list_trails()["Trails"],
        "vpcs": [vpc["VpcId"] for vpc in stack.client("ec2").describe_vpcs()["Vpcs"] if not vpc["IsDefault"]],
        "templates": stack.client("ec2").describe_launch_templates()["LaunchTemplates"],
        "addresses": stack.client("ec2").describe_addresses()["Addresses"],
        "instances": [
            instance["InstanceId"]
            for reservation in stack.client("ec2").describe_instances()["Reservations"]
            for instance in reservation["Instances"]
            if instance["State"]["Name"] != "terminated"
        ],
        "schedule groups": [
            group["Name"]
            for group in stack.client("scheduler").list_schedule_groups()["ScheduleGroups"]
            if group["Name"] != "default"
        ],
        "budgets": stack.client("budgets").describe_budgets(AccountId="123456789012")["Budgets"],
        "clusters": stack.client("elasticache").describe_cache_clusters()["CacheClusters"],
        "work groups": [
            group["Name"]
            for group in stack.client("athena").list_work_groups()["WorkGroups"]
            if group["Name"] != "primary"
        ],
        "config rules": stack.client("config").describe_config_rules()["ConfigRules"],
        "recorders": stack.client("config").describe_configuration_recorders()["ConfigurationRecorders"],
    }
    assert {kind: found for kind, found in left.items() if found} == {}
