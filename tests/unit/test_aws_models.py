"""What is read of AWS's models before Ansible forks is not read again, and never stands in the way."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.loaders import JSONFileLoader

from tinyllama.adapters import aws_models


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    aws_models._session.cache_clear()
    yield
    aws_models._session.cache_clear()


def test_a_client_of_what_was_preloaded_reads_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    load = JSONFileLoader.load_file

    def seen(self: JSONFileLoader, path: str) -> Any:
        read.append(path)
        return load(self, path)

    monkeypatch.setattr(JSONFileLoader, "load_file", seen)
    aws_models.preload("sts", "ec2")
    assert any("ec2" in path for path in read)
    read.clear()
    for service in ("ec2", "sts"):
        client = boto3.client(service, region_name="eu-west-1")
        assert client.meta.region_name == "eu-west-1"
    assert read == []
    boto3.client("sns", region_name="eu-west-1")
    assert read != [], "so reading would have been seen"


def test_credentials_and_region_are_still_looked_for_by_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    aws_models.preload("sts")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "later")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "later")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    assert boto3.client("sts").meta.region_name == "eu-north-1"
    found = boto3.DEFAULT_SESSION.get_credentials() if boto3.DEFAULT_SESSION else None
    assert found is not None
    assert found.access_key == "later"


@pytest.mark.parametrize("name", ["AWS_PROFILE", "AWS_ENDPOINT_URL"])
def test_a_broken_environment_is_not_its_business(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "http://[")
    aws_models.preload("sts")
