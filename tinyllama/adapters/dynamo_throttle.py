"""Token buckets in DynamoDB: `domain/throttle.py` decides, DynamoDB compares and swaps.

A container remembers the buckets as it last saw them. It bets that nobody has changed them since, and a bet that is
lost brings the bucket as it is. Before it refuses anybody it looks: by another container's clock it may be later.
"""

from collections import OrderedDict

from tinyllama.adapters.dynamo_table import ConditionFailedError, DynamoTable, Item, Value, Write, update
from tinyllama.domain.throttle import Allowance, Bucket, ThrottlePolicy, spend

BUCKET_TTL_S = 120
MOST_REMEMBERED = 1_000
_BETS = 8


def throttle_key(sub: str, allowance: Allowance) -> str:
    """Holds one of a user's token buckets."""
    return f"throttle:{sub}" if allowance is Allowance.PROMPTS else f"throttle:{allowance}:{sub}"


class DynamoThrottle:
    """Spends tokens. Times in ms."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table
        self._seen: OrderedDict[str, Bucket] = OrderedDict()

    def spend(self, key: str, policy: ThrottlePolicy, now: int) -> bool:
        """Spend a token; false when there was none, or when others keep taking it from under our hands."""
        for _ in range(_BETS):
            bet = self.bet(key, policy, now)
            if bet is None:
                return False
            write, bucket = bet
            try:
                self._table.write(write)
            except ConditionFailedError as lost:
                self.learn(key, lost.item)
            else:
                self.remember(key, bucket)
                return True
        return False

    def bet(self, key: str, policy: ThrottlePolicy, now: int) -> tuple[Write, Bucket] | None:
        """The write that spends a token if the bucket is as remembered, and the bucket afterwards; None: no token."""
        seen = self._seen.get(key)
        bucket, allowed = spend(seen, policy, now)
        if not allowed:
            self.learn(key, self._table.get(key) or None)
            seen = self._seen.get(key)
            bucket, allowed = spend(seen, policy, now)
        if not allowed:
            return None
        values: dict[str, Value] = {
            "credit": bucket.credit,
            "at": bucket.at,
            "ttl": bucket.at // 1000 + BUCKET_TTL_S,
        }
        when = "attribute_not_exists(pk)"
        if seen is not None:
            when = "credit_ms = :seen_credit AND credit_at = :seen_at"
            values |= {"seen_credit": seen.credit, "seen_at": seen.at}
        return update(key, "SET credit_ms=:credit, credit_at=:at, ttl_at=:ttl", values, when=when), bucket

    def learn(self, key: str, item: Item | None) -> None:
        """Remember the bucket as DynamoDB has it."""
        if item is None:
            self._seen.pop(key, None)
        else:
            self.remember(key, Bucket(item["credit_ms"], item["credit_at"]))

    def remember(self, key: str, bucket: Bucket) -> None:
        """Remember the bucket after our own write."""
        self._seen[key] = bucket
        self._seen.move_to_end(key)
        if len(self._seen) > MOST_REMEMBERED:
            self._seen.popitem(last=False)
