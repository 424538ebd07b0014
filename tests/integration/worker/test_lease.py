"""A real worker keeps its node's lease, by a real metadata service and the strict local AWS."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from local.aws.account import Account
from local.aws.ec2.imds import Credentials, Identity, serve_imds
from local.aws.seed import seed
from tests.integration.worker.station import Station, on_redis
from tinyllama.adapters.scheduler_leases import SchedulerLeases
from tinyllama.domain.jobs import JobStatus

pytestmark = on_redis
NODE = "i-0123456789abcdef0"
OFTEN = {"LEASE_CHECK_S": "0.1", "NODE_LEASE_S": "60"}


@pytest.fixture
def account(station: Station) -> Account:
    station.aws.client("s3").delete_bucket(Bucket="tlfif-responses-123456789012")  # the station's own, which seed makes
    return seed(station.aws.url)


@pytest.fixture
def imds_url(account: Account) -> Iterator[str]:
    identity = Identity(NODE, "t3.small", account.region, f"{account.region}a")
    with serve_imds(identity, Credentials()) as imds:
        yield imds.url


@pytest.fixture
def leases(station: Station, account: Account) -> SchedulerLeases:
    return SchedulerLeases(station.aws.client("scheduler"), account.lease_role_arn)


def looks(station: Station) -> int:
    return len(station.aws.calls("scheduler", "GetSchedule"))


async def test_the_lease_is_renewed_by_progress_and_by_nothing_else(
    station: Station, account: Account, leases: SchedulerLeases, imds_url: str
) -> None:
    first = int(time.time()) + 25
    leases.grant(NODE, first)
    station.start_worker(
        "one", LEASE_ROLE_ARN=account.lease_role_arn, AWS_EC2_METADATA_SERVICE_ENDPOINT=imds_url, **OFTEN
    )
    await station.until(lambda: looks(station) >= 5)
    assert leases.ends_at(NODE) == first, "nothing has been done yet"
    asked = station.send()
    await station.until_status(asked, JobStatus.DONE)
    await station.until(lambda: leases.ends_at(NODE) != first)
    end = leases.ends_at(NODE)
    assert end is not None
    assert 50 <= end - time.time() <= 60
    assert station.log("one").count("lease renewed") == 1


async def test_a_node_that_was_started_without_a_lease_is_given_one(
    station: Station, account: Account, leases: SchedulerLeases, imds_url: str
) -> None:
    station.start_worker(
        "one", LEASE_ROLE_ARN=account.lease_role_arn, AWS_EC2_METADATA_SERVICE_ENDPOINT=imds_url, **OFTEN
    )
    await station.until(lambda: leases.ends_at(NODE) is not None)
    await station.until(lambda: "lease missing, granted" in station.log("one"))


async def test_a_worker_that_no_lease_concerns_says_so_once_and_works(station: Station) -> None:
    station.start_worker("one", **OFTEN)
    asked = station.send()
    await station.until_status(asked, JobStatus.DONE)
    assert station.log("one").count("no lease to keep") == 1
    assert not station.aws.calls("scheduler")


async def test_a_scheduler_that_refuses_is_said_once_and_costs_no_job(
    station: Station, account: Account, leases: SchedulerLeases, imds_url: str
) -> None:
    station.aws.fail("scheduler:GetSchedule", "AccessDeniedException", times=None)
    worker = station.start_worker(
        "one", LEASE_ROLE_ARN=account.lease_role_arn, AWS_EC2_METADATA_SERVICE_ENDPOINT=imds_url, **OFTEN
    )
    await station.until(lambda: looks(station) >= 4)
    asked = station.send()
    await station.until_status(asked, JobStatus.DONE)
    assert station.log("one").count("lease not renewed") == 1
    station.aws.clear()
    await station.until(lambda: "lease missing, granted" in station.log("one"))
    worker.terminate()
    assert await station.ended(worker) == 0


async def test_without_a_metadata_service_the_worker_says_so_once_and_works(station: Station) -> None:
    station.start_worker(
        "one",
        LEASE_ROLE_ARN="arn:aws:iam::123456789012:role/tinyllama-lease",
        AWS_EC2_METADATA_SERVICE_ENDPOINT="http://127.0.0.1:9",
        **OFTEN,
    )
    asked = station.send()
    await station.until_status(asked, JobStatus.DONE)
    await asyncio.sleep(0.5)  # several more tries
    assert station.log("one").count("MetadataUnavailable") == 1
