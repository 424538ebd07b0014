"""What Terraform tells the node's processes, read by somebody else."""

from collections.abc import Iterator

import pytest

from local.aws.server import StrictAws
from tests.contract.sqs_world import client
from tinyllama.adapters.node_settings import PATH, read
from tinyllama.domain.errors import QueueUnavailableError


@pytest.fixture
def aws() -> Iterator[StrictAws]:
    with StrictAws() as running:
        yield running


def test_all_of_it_is_read_however_much_there_is(aws: StrictAws) -> None:
    told = {f"NAME_{number}": str(number) for number in range(23)}
    for name, text in told.items():
        aws.client("ssm").put_parameter(Name=f"{PATH}/{name}", Value=text, Type="String")
    aws.client("ssm").put_parameter(Name="/tinyllama/wake", Value="{}", Type="String")
    assert read(client(aws)) == told


def test_an_account_without_a_node_has_none(aws: StrictAws) -> None:
    assert read(client(aws)) == {}


def test_who_may_not_read_it_is_told(aws: StrictAws) -> None:
    aws.fail("ssm:GetParametersByPath", "AccessDeniedException", times=None)
    with pytest.raises(QueueUnavailableError, match="/tinyllama/worker: AccessDeniedException"):
        read(client(aws))
