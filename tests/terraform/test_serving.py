"""The applied stack serves: from POST /infer to a reply, with only what Terraform created."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.terraform.serving import Served, invoke, queue_health_from, wait_for
from tests.terraform.stack import Stack

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def job(served: Served) -> dict[str, Any]:
    """A prompt that was sent to the sleeping stack, and what became of it."""
    assert served.node_state() == "stopped"
    accepted = served.call("POST", "/infer", json={"prompt": "What is a lease?", "idle": 1})
    assert accepted.status_code == 202, accepted.text
    assert (accepted.json()["status"], accepted.headers["x-gpu-coldboot"]) == ("starting", "true")
    path = f"/jobs/{accepted.json()['id']}"

    def done() -> dict[str, Any] | None:
        found = served.call("GET", path)
        state: dict[str, Any] = found.json()
        return {**state, "id": accepted.json()["id"]} if state.get("status") in {"done", "failed"} else None

    finished: dict[str, Any] = wait_for(done, "the reply", served.folder / "worker.log")
    return finished


def test_a_prompt_wakes_the_node_and_is_answered(job: dict[str, Any]) -> None:
    assert (job["status"], bool(job["text"].strip())) == ("done", True)


def test_the_reply_is_in_the_bucket_that_terraform_made(served: Served, job: dict[str, Any]) -> None:
    bucket = served.stack.output()["reply_bucket"]
    reply = json.loads(served.stack.client("s3").get_object(Bucket=bucket, Key=f"{job['id']}.json")["Body"].read())
    assert reply["text"] == job["text"]


def test_the_node_falls_asleep_by_itself_and_its_lease_was_in_the_stacks_group(
    served: Served, job: dict[str, Any]
) -> None:
    wait_for(lambda: served.node_state() == "stopped", "the watchdog", served.folder / "watchdog.log")
    made = [call["parameters"] for call in served.stack.calls() if call["operation"] == "CreateSchedule"]
    leases = [schedule for schedule in made if schedule["Name"].startswith("tinyllama-lease-")]
    assert {schedule["GroupName"] for schedule in leases} == {"tinyllama-leases"}


def test_more_requests_than_the_stage_allows_are_refused_by_the_gateway(served: Served) -> None:
    with ThreadPoolExecutor(40) as callers:
        answers = list(callers.map(lambda _: served.call("GET", "/health"), range(80)))
    refused = [answer for answer in answers if answer.text == '{"message":"Too Many Requests"}']
    assert {answer.status_code for answer in refused} == {429}
    assert len(answers) - len(refused) >= 5  # the burst; the router refuses some of it itself, for this user


def test_a_path_that_no_route_has_is_answered_by_the_router(served: Served) -> None:
    assert served.call("GET", "/nothing").json() == {"error": "not_found"}


def test_the_queue_is_healthy_for_callers_inside_the_vpc_only(stack: Stack) -> None:
    def ask(address: str) -> int:
        return int(invoke(stack, "tinyllama-queue-health", queue_health_from(address))["statusCode"])

    assert (ask("10.20.1.7"), ask("192.0.2.1")) == (200, 403)


def test_the_key_set_is_copied_to_where_a_router_inside_the_vpc_reads_it(stack: Stack) -> None:
    assert invoke(stack, "tinyllama-jwks-mirror", {})["kids"]
