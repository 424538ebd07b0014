"""The local DynamoDB refuses what AWS refuses, and shows what AWS may show."""

import threading
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.dynamodb.models import dynamodb_backends

from local.aws.queue import ACCOUNT_ID, create_queue
from local.aws.server import REGION, StrictAws

TABLE = "t"


@pytest.fixture
def dynamodb(aws: StrictAws) -> Any:
    client = aws.client("dynamodb")
    create_queue(aws.client("sqs"), client, queue="q", table=TABLE)
    aws.clear()
    return client


def put(key: str, **attributes: Any) -> dict[str, Any]:
    return {"Put": {"TableName": TABLE, "Item": {"pk": {"S": key}, **attributes}}}


def value(client: Any, key: str, *, fresh: bool = True) -> str | None:
    item = client.get_item(TableName=TABLE, Key={"pk": {"S": key}}, ConsistentRead=fresh).get("Item")
    return item["n"]["N"] if item else None


def code(call: Any, **parameters: Any) -> tuple[str, list[str]]:
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    reasons = refused.value.response.get("CancellationReasons", [])
    return refused.value.response["Error"]["Code"], [reason["Code"] for reason in reasons]


def test_a_transaction_whose_condition_fails_changes_nothing_and_says_which_and_what(dynamodb: Any) -> None:
    dynamodb.put_item(**put("a", n={"N": "1"})["Put"])
    again = put("a", n={"N": "2"})
    again["Put"] |= {
        "ConditionExpression": "attribute_not_exists(pk)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    with pytest.raises(ClientError) as refused:
        dynamodb.transact_write_items(TransactItems=[put("b", n={"N": "9"}), again])
    reasons: Any = refused.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed"]
    assert reasons[1]["Item"]["n"] == {"N": "1"}
    assert (value(dynamodb, "a"), value(dynamodb, "b")) == ("1", None)


def test_conditions_are_judged_before_the_transaction_changes_anything(dynamodb: Any) -> None:
    check = {"TableName": TABLE, "Key": {"pk": {"S": "a"}}, "ConditionExpression": "attribute_exists(pk)"}
    found = code(dynamodb.transact_write_items, TransactItems=[put("b"), {"ConditionCheck": check}])
    assert found == ("TransactionCanceledException", ["None", "ConditionalCheckFailed"])
    assert code(dynamodb.transact_write_items, TransactItems=[put("b"), put("b")])[0] == "ValidationException"


def test_a_value_that_no_expression_uses_is_refused(dynamodb: Any) -> None:
    change = {
        "TableName": TABLE,
        "Key": {"pk": {"S": "a"}},
        "UpdateExpression": "SET n=:n",
        "ExpressionAttributeValues": {":n": {"N": "1"}, ":unused": {"N": "2"}},
    }
    assert code(dynamodb.transact_write_items, TransactItems=[{"Update": change}])[0] == "ValidationException"
    assert code(dynamodb.update_item, **change)[0] == "ValidationException"


def test_writes_that_meet_a_transaction_conflict_and_reads_show_all_of_it_or_nothing(
    aws: StrictAws, dynamodb: Any
) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def pause(_seconds: float) -> None:
        begun.set()
        may_end.wait(30)

    aws.dynamodb.pause = pause
    writes = {"TransactItems": [put("a", n={"N": "1"}), put("b", n={"N": "1"})]}
    committing = threading.Thread(target=dynamodb.transact_write_items, kwargs=writes)
    committing.start()
    begun.wait(30)
    other = aws.client("dynamodb")
    assert code(other.put_item, **put("a")["Put"])[0] == "TransactionConflictException"
    assert code(other.transact_write_items, TransactItems=[put("b"), put("c")]) == (
        "TransactionCanceledException",
        ["TransactionConflict", "None"],
    )
    assert (value(other, "a"), value(other, "b")) == (None, None)
    other.put_item(**put("d", n={"N": "1"})["Put"])
    may_end.set()
    committing.join()
    assert (value(other, "a"), value(other, "b")) == ("1", "1")


def test_a_token_that_comes_again_changes_nothing_and_with_another_transaction_is_refused(dynamodb: Any) -> None:
    add = {
        "TableName": TABLE,
        "Key": {"pk": {"S": "a"}},
        "UpdateExpression": "ADD n :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    for _ in range(2):
        dynamodb.transact_write_items(TransactItems=[{"Update": add}], ClientRequestToken="token-1")
    assert value(dynamodb, "a") == "1"
    found = code(dynamodb.transact_write_items, TransactItems=[put("a")], ClientRequestToken="token-1")
    assert found[0] == "IdempotentParameterMismatchException"


def test_a_read_that_does_not_ask_to_be_consistent_may_be_stale(aws: StrictAws, dynamodb: Any) -> None:
    aws.dynamodb.stale_s = 60
    dynamodb.put_item(**put("a", n={"N": "1"})["Put"])
    assert value(dynamodb, "a", fresh=False) is None
    assert value(dynamodb, "a") == "1"
    asked = {"Keys": [{"pk": {"S": "a"}}]}
    assert dynamodb.batch_get_item(RequestItems={TABLE: asked})["Responses"][TABLE] == []
    fresh = dynamodb.batch_get_item(RequestItems={TABLE: {**asked, "ConsistentRead": True}})
    assert len(fresh["Responses"][TABLE]) == 1


def test_ttl_deletes_nothing_until_it_does(aws: StrictAws, dynamodb: Any) -> None:
    past = {"N": str(int(time.time()) - 86_400)}
    dynamodb.put_item(**put("a", n={"N": "1"}, ttl_at=past)["Put"])
    dynamodb.put_item(**put("b", n={"N": "1"})["Put"])
    assert value(dynamodb, "a") == "1", "AWS takes up to 48 hours"
    assert aws.dynamodb.expire_now(dynamodb_backends[ACCOUNT_ID][REGION], TABLE) == 1
    assert (value(dynamodb, "a"), value(dynamodb, "b")) == (None, "1")
