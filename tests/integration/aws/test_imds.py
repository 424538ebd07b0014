"""Metadata only with a token, and exactly what boto3 and the watchdog need."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import httpx
import pytest

from local.aws.ec2.imds import Credentials, Identity, serve_imds
from tests.integration.aws.instances import ManualClock
from tinyllama.adapters.imds import Metadata
from tinyllama.domain.errors import NodeError

NODE = Identity("i-0123456789abcdef0", "g4dn.xlarge", "eu-central-1", "eu-central-1a", role="gpu")
TTL, TOKEN = "X-aws-ec2-metadata-token-ttl-seconds", "X-aws-ec2-metadata-token"


@pytest.fixture
def now() -> ManualClock:
    return ManualClock()


@pytest.fixture
def imds(now: ManualClock) -> Iterator[httpx.Client]:
    given = Credentials("ASIAGIVENTOTHENODE00", "secret", "session")
    with serve_imds(NODE, given, clock=now) as served, httpx.Client(base_url=f"{served.url}/latest") as client:
        yield client


def token(imds: httpx.Client, ttl: str = "60") -> dict[str, str]:
    answer = imds.put("/api/token", headers={TTL: ttl})
    assert answer.status_code == 200
    assert answer.headers[TTL] == ttl
    return {TOKEN: answer.text}


def test_without_a_token_nothing_is_told(imds: httpx.Client) -> None:
    for path in ("/meta-data/instance-id", "/meta-data/iam/security-credentials/gpu", "/meta-data/no-such-thing"):
        assert imds.get(path).status_code == 401
        assert imds.get(path, headers={TOKEN: "made-up"}).status_code == 401


def test_an_expired_token_is_refused(imds: httpx.Client, now: ManualClock) -> None:
    headers = token(imds, "60")
    now.advance(59)
    assert imds.get("/meta-data/instance-id", headers=headers).status_code == 200
    now.advance(1)

    assert imds.get("/meta-data/instance-id", headers=headers).status_code == 401


@pytest.mark.parametrize("ttl", ["0", "21601", "-1", "", "abc", "1.5", "999999999999999999", "²"])
def test_a_lifetime_outside_1_to_21600_is_refused(imds: httpx.Client, ttl: str) -> None:
    assert imds.put("/api/token", headers=[(TTL.encode(), ttl.encode())]).status_code == 400


def test_a_token_request_without_lifetime_or_through_a_proxy_or_by_get_is_refused(imds: httpx.Client) -> None:
    assert imds.put("/api/token").status_code == 400
    assert imds.put("/api/token", headers={TTL: "60", "X-Forwarded-For": "203.0.113.9"}).status_code == 403
    assert imds.get("/api/token").status_code == 405


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/meta-data/instance-id", "i-0123456789abcdef0"),
        ("/meta-data/instance-type", "g4dn.xlarge"),
        ("/meta-data/placement/region", "eu-central-1"),
        ("/meta-data/placement/availability-zone", "eu-central-1a"),
        ("/meta-data/iam/security-credentials", "gpu"),
        ("/meta-data/iam/security-credentials/", "gpu"),
    ],
)
def test_with_a_token_the_node_learns_who_it_is(imds: httpx.Client, path: str, text: str) -> None:
    assert imds.get(path, headers=token(imds)).text == text


def test_unknown_paths_are_404_and_writing_is_405(imds: httpx.Client) -> None:
    headers = token(imds)

    for path in ("/meta-data/spot/instance-action", "/meta-data/iam/security-credentials/other", "/nothing"):
        assert imds.get(path, headers=headers).status_code == 404
    assert imds.post("/meta-data/instance-id", headers=headers).status_code == 405


def test_credentials_have_the_form_and_the_lifetime_that_aws_gives_them(imds: httpx.Client) -> None:
    assert imds.get("/meta-data/iam/security-credentials/gpu", headers=token(imds)).json() == {
        "Code": "Success",
        "LastUpdated": "2026-01-01T12:00:00Z",
        "Type": "AWS-HMAC",
        "AccessKeyId": "ASIAGIVENTOTHENODE00",
        "SecretAccessKey": "secret",
        "Token": "session",
        "Expiration": "2026-01-01T18:00:00Z",
    }


def test_the_identity_document_names_account_region_and_instance(imds: httpx.Client) -> None:
    document = imds.get("/dynamic/instance-identity/document", headers=token(imds)).json()

    assert document["accountId"] == "123456789012"
    assert document["instanceId"] == "i-0123456789abcdef0"
    assert document["instanceType"] == "g4dn.xlarge"
    assert document["region"] == "eu-central-1"
    assert document["availabilityZone"] == "eu-central-1a"
    assert document["architecture"] == "x86_64"


def test_boto3_without_other_credentials_gets_them_from_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_V1_DISABLED", "true")
    with serve_imds(NODE, Credentials("ASIAGIVENTOTHENODE00", "secret", "session")) as served:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", served.url)

        credentials = boto3.session.Session().get_credentials()

        assert credentials is not None
        assert credentials.method == "iam-role"
        assert credentials.get_frozen_credentials() == ("ASIAGIVENTOTHENODE00", "secret", "session", None)


def test_the_node_reads_its_role_s_credentials_itself(now: ManualClock) -> None:
    with serve_imds(NODE, Credentials("ASIAGIVENTOTHENODE00", "secret", "session"), clock=now) as served:
        assert Metadata(served.url).keys() == ("ASIAGIVENTOTHENODE00", "secret", "session")


def test_an_instance_without_a_role_is_told_so() -> None:
    with serve_imds(replace(NODE, role=""), Credentials()) as served, pytest.raises(NodeError, match="role"):
        Metadata(served.url).keys()
