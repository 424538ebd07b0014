"""The key set's way from Cognito to S3."""

import json
from collections.abc import Iterator

import pytest

from lambdas.jwks_mirror import handler
from lambdas.router import wiring
from local.aws.seed import seed
from local.aws.server import StrictAws
from tests.tokens import key_set
from tinyllama.adapters.s3_key_set import S3KeySet

BUCKET = "tlfif-responses-123456789012"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[StrictAws]:
    with StrictAws() as strict:
        account = seed(strict.url)
        for name, value in {
            "AWS_ENDPOINT_URL": strict.url,
            "AWS_DEFAULT_REGION": account.region,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "COGNITO_ISSUER": account.issuer,
            "JWKS_URL": account.jwks_url,
            "JWKS_BUCKET": BUCKET,
        }.items():
            monkeypatch.setenv(name, value)
        handler.settings.cache_clear()
        yield strict
        handler.settings.cache_clear()


def stored(aws: StrictAws) -> object:
    return json.loads(aws.client("s3").get_object(Bucket=BUCKET, Key="jwks.json")["Body"].read())


def test_cognito_s_own_keys_arrive_in_s3(aws: StrictAws) -> None:
    assert handler.lambda_handler({}) == {"kids": ["dummy"]}
    assert isinstance(found := stored(aws), dict)
    assert [key["kid"] for key in found["keys"]] == ["dummy"]


@pytest.mark.parametrize("junk", [{}, {"keys": []}, {"keys": [{"kid": "x"}]}, {"keys": "none"}, {"keys": [None]}])
def test_junk_never_replaces_a_good_key_set(aws: StrictAws, junk: dict[str, object]) -> None:
    mirror = S3KeySet(BUCKET, "jwks.json")
    assert mirror.publish(key_set()) == ["key-1"]
    with pytest.raises(ValueError, match=r"[Kk]ey [Ss]et"):
        mirror.publish(junk)
    assert stored(aws) == key_set()


def test_an_unreachable_pool_is_an_error_that_the_scheduler_sees(
    aws: StrictAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JWKS_URL", "http://127.0.0.1:9/jwks.json")
    handler.settings.cache_clear()
    with pytest.raises(OSError, match="refused"):
        handler.lambda_handler({})


def test_a_router_inside_the_vpc_verifies_with_the_copy(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = {"COGNITO_AUD": "client", "REPLY_BUCKET": BUCKET, "REDIS_HOST": "127.0.0.1"}
    for name, value in {**needed, "LEASE_ROLE_ARN": "arn:aws:iam::123456789012:role/lease"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("JWKS_URL", "http://127.0.0.1:9/out-of-reach")
    S3KeySet(BUCKET, "jwks.json").publish(key_set())
    wiring.settings.cache_clear()
    assert wiring._key_source()() == key_set()
    wiring.settings.cache_clear()


def test_a_copy_that_is_not_there_is_told_from_a_bad_one(aws: StrictAws) -> None:
    with pytest.raises(OSError, match=r"s3://.*/nothing\.json.*NoSuchKey"):
        S3KeySet(BUCKET, "nothing.json").fetch()
    aws.client("s3").put_object(Bucket=BUCKET, Key="bad.json", Body=b"[]")
    with pytest.raises(ValueError, match="JSON object"):
        S3KeySet(BUCKET, "bad.json").fetch()
