"""Small things that the Terraform provider reads back and moto does not answer."""

import json
from typing import Any

import pytest

from local.aws.server import StrictAws
from tests.integration.aws.instances import refused

BUCKET = "tlfif-responses-123456789012"


class TestIpv6Subnets:
    def test_a_subnet_is_found_by_its_own_association_only(self, aws: StrictAws) -> None:
        ec2 = aws.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.20.0.0/22", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
        block = ec2.describe_vpcs(VpcIds=[vpc["VpcId"]])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
        made = ec2.create_subnet(
            VpcId=vpc["VpcId"], CidrBlock="10.20.1.0/24", Ipv6CidrBlock=block.replace("/56", "/64")
        )["Subnet"]
        (association,) = made["Ipv6CidrBlockAssociationSet"]
        assert association["Ipv6CidrBlockState"]["State"] == "associated"
        name = "ipv6-cidr-block-association.association-id"
        for value, expected in ((association["AssociationId"], [made["SubnetId"]]), ("subnet-cidr-assoc-0", [])):
            found = ec2.describe_subnets(Filters=[{"Name": name, "Values": [value]}])["Subnets"]
            assert [subnet["SubnetId"] for subnet in found] == expected
        state = {"Name": "ipv6-cidr-block-association.state", "Values": ["associated"]}
        assert len(ec2.describe_subnets(Filters=[state])["Subnets"]) == 1


class TestRedriveAllowPolicy:
    @pytest.mark.parametrize("policy", ["everybody", '{"redrivePermission": "everybody"}', "[]"])
    def test_a_policy_that_says_nothing_is_refused(self, aws: StrictAws, policy: str) -> None:
        create = aws.client("sqs").create_queue
        refusal = refused(create, QueueName="dead", Attributes={"RedriveAllowPolicy": policy})
        assert refusal[0].endswith(("InvalidParameterValue", "InvalidAttributeValue"))

    def test_it_is_kept_and_read_back(self, aws: StrictAws) -> None:
        sqs = aws.client("sqs")
        url = sqs.create_queue(QueueName="dead")["QueueUrl"]
        assert "RedriveAllowPolicy" not in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        policy = json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": ["arn:aws:sqs:eu-central-1:1:jobs"]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedriveAllowPolicy": policy})
        read = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedriveAllowPolicy"])["Attributes"]
        assert read == {"RedriveAllowPolicy": policy}


class TestBucketPolicies:
    @pytest.fixture
    def s3(self, aws: StrictAws) -> Any:
        s3 = aws.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        return s3

    def deny(self, s3: Any, action: str, **statement: Any) -> None:
        resource = [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
        full = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource, **statement}
        s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [full]}))

    def test_a_denial_without_a_condition_holds(self, s3: Any) -> None:
        self.deny(s3, "s3:PutObject")
        assert refused(s3.put_object, Bucket=BUCKET, Key="a", Body=b"x")[1] == 403

    def test_a_denial_of_plain_http_does_not_hit_loopback(self, s3: Any) -> None:
        self.deny(s3, "s3:*", Condition={"Bool": {"aws:SecureTransport": "false"}})
        s3.put_object(Bucket=BUCKET, Key="a", Body=b"x")
        assert s3.get_object(Bucket=BUCKET, Key="a")["Body"].read() == b"x"

    def test_a_denial_on_another_key_does_not_count(self, s3: Any) -> None:
        self.deny(s3, "s3:PutObject", Resource=f"arn:aws:s3:::{BUCKET}/secret/*")
        s3.put_object(Bucket=BUCKET, Key="a", Body=b"x")
        assert refused(s3.put_object, Bucket=BUCKET, Key="secret/a", Body=b"x")[1] == 403


class TestSavedQueries:
    def test_one_that_does_not_exist_can_be_neither_changed_nor_deleted(self, aws: StrictAws) -> None:
        logs = aws.client("logs")
        unknown = {"queryDefinitionId": "0000"}
        assert refused(logs.put_query_definition, name="a", queryString="fields @message", **unknown)[0] == (
            "ResourceNotFoundException"
        )
        assert refused(logs.delete_query_definition, **unknown)[0] == "ResourceNotFoundException"

    def test_one_is_kept_changed_and_deleted(self, aws: StrictAws) -> None:
        logs = aws.client("logs")
        made = logs.put_query_definition(name="tl/starts", queryString="fields @message", logGroupNames=["/a"])
        logs.put_query_definition(name="tl/starts", queryString="fields @timestamp", **_only_id(made))
        (found,) = logs.describe_query_definitions(queryDefinitionNamePrefix="tl/")["queryDefinitions"]
        assert found["queryString"] == "fields @timestamp"
        logs.delete_query_definition(**_only_id(made))
        assert logs.describe_query_definitions()["queryDefinitions"] == []


class TestTrails:
    def test_one_is_deleted_by_its_arn_and_not_twice(self, aws: StrictAws) -> None:
        trails = aws.client("cloudtrail")
        aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        arn = trails.create_trail(Name="tinyllama", S3BucketName=BUCKET)["TrailARN"]
        trails.delete_trail(Name=arn)
        assert trails.list_trails()["Trails"] == []
        assert refused(trails.delete_trail, Name=arn)[0] == "TrailNotFoundException"


class TestLaunchTemplates:
    def test_data_are_what_was_given_for_instances(self, aws: StrictAws) -> None:
        ec2 = aws.client("ec2")
        tags = [{"Key": "Project", "Value": "tinyllama"}]
        own = [{"ResourceType": "launch-template", "Tags": tags}]
        data = {
            "InstanceType": "t3.small",
            "UserData": "",
            "TagSpecifications": [{"ResourceType": "volume", "Tags": tags}],
        }
        made = ec2.create_launch_template(LaunchTemplateName="node", TagSpecifications=own, LaunchTemplateData=data)
        (version,) = ec2.describe_launch_template_versions(LaunchTemplateId=made["LaunchTemplate"]["LaunchTemplateId"])[
            "LaunchTemplateVersions"
        ]
        expected = {"InstanceType": "t3.small", "TagSpecifications": data["TagSpecifications"]}
        assert version["LaunchTemplateData"] == expected
        assert ec2.describe_launch_templates()["LaunchTemplates"][0]["Tags"] == tags


class TestFirewallRules:
    def test_a_rule_that_names_a_prefix_list_keeps_its_description(self, aws: StrictAws) -> None:
        ec2 = aws.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.20.0.0/22")["Vpc"]["VpcId"]
        group = ec2.create_security_group(GroupName="redis", Description="redis", VpcId=vpc)["GroupId"]
        lists = ec2.create_managed_prefix_list(PrefixListName="own", MaxEntries=1, AddressFamily="IPv4")["PrefixList"]
        rule = {"PrefixListId": lists["PrefixListId"], "Description": "telemetry"}
        permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": [rule]}
        ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[permission])
        found = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
        described = {one.get("PrefixListId"): one.get("Description") for one in found["SecurityGroupRules"]}
        assert described[lists["PrefixListId"]] == "telemetry"


class TestQuotas:
    def test_a_quota_that_is_not_known_is_refused_and_gpus_are_granted(self, aws: StrictAws) -> None:
        quotas = aws.client("service-quotas")
        unknown = refused(quotas.get_service_quota, ServiceCode="ec2", QuotaCode="L-0")
        assert unknown[0] == "NoSuchResourceException"
        gpus = {"ServiceCode": "ec2", "QuotaCode": "L-DB2E81BA"}
        for call in (quotas.get_service_quota, quotas.get_aws_default_service_quota):
            assert call(**gpus)["Quota"]["Value"] == 8

    def test_a_request_for_more_waits_for_aws(self, aws: StrictAws) -> None:
        quotas = aws.client("service-quotas")
        gpus = {"ServiceCode": "ec2", "QuotaCode": "L-DB2E81BA"}
        asked = quotas.request_service_quota_increase(**gpus, DesiredValue=16)["RequestedQuota"]
        assert (asked["Status"], asked["DesiredValue"]) == ("PENDING", 16)
        assert quotas.get_service_quota(**gpus)["Quota"]["Value"] == 8
        unknown = refused(quotas.request_service_quota_increase, ServiceCode="ec2", QuotaCode="L-0", DesiredValue=1)
        assert unknown[0] == "NoSuchResourceException"


class TestNamedQueries:
    def test_one_is_deleted_and_not_twice(self, aws: StrictAws) -> None:
        athena = aws.client("athena")
        made = athena.create_named_query(Name="audit", Database="default", QueryString="SELECT 1")["NamedQueryId"]
        athena.delete_named_query(NamedQueryId=made)
        assert refused(athena.delete_named_query, NamedQueryId=made)[0] == "InvalidRequestException"


def _only_id(made: dict[str, Any]) -> dict[str, str]:
    return {"queryDefinitionId": made["queryDefinitionId"]}
