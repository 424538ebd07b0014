"""The parameters of ElastiCache's family `redis6.x` that can be set, and what they may be.

Source: ElastiCache User Guide, "Redis OSS 6.x parameters" and the lists that it builds on.
"""

from dataclasses import dataclass

FAMILY = "redis6.x"
DEFAULT_GROUP = f"default.{FAMILY}"


class ParameterError(Exception):
    """AWS's `InvalidParameterValue` for a parameter group; the text is AWS's."""


@dataclass(frozen=True)
class Parameter:
    """`allowed` is AWS's notation: `a,b,c` for names, `0-10` for whole numbers; empty for free text."""

    default: str
    allowed: str = ""

    def check(self, name: str, value: str) -> None:
        """Raise ParameterError unless `value` may be set."""
        low, _, high = self.allowed.partition("-")
        if low.isdecimal() and high.isdecimal():
            fits = value.isascii() and value.isdecimal() and int(low) <= int(value) <= int(high)
        else:
            fits = not self.allowed or value in self.allowed.split(",")
        if not fits:
            raise ParameterError(f"The parameter value {value} is invalid for parameter {name}: use {self.allowed}")


_MOST = 2**31 - 1
PARAMETERS = {
    "acllog-max-len": Parameter("128", "1-10000"),
    "activedefrag": Parameter("no", "yes,no"),
    "activerehashing": Parameter("yes", "yes,no"),
    "client-query-buffer-limit": Parameter("1073741824", "1048576-1073741824"),
    "close-on-replica-write": Parameter("yes", "yes,no"),
    "cluster-enabled": Parameter("no", "yes,no"),
    "hash-max-ziplist-entries": Parameter("512", f"0-{_MOST}"),
    "hash-max-ziplist-value": Parameter("64", f"0-{_MOST}"),
    "lazyfree-lazy-eviction": Parameter("no", "yes,no"),
    "lazyfree-lazy-expire": Parameter("no", "yes,no"),
    "lazyfree-lazy-server-del": Parameter("no", "yes,no"),
    "lazyfree-lazy-user-del": Parameter("no", "yes,no"),
    "lfu-decay-time": Parameter("1", f"0-{_MOST}"),
    "lfu-log-factor": Parameter("10", f"1-{_MOST}"),
    "list-compress-depth": Parameter("0", f"0-{_MOST}"),
    "maxmemory-policy": Parameter(
        "volatile-lru",
        "volatile-lru,allkeys-lru,volatile-lfu,allkeys-lfu,volatile-random,allkeys-random,volatile-ttl,noeviction",
    ),
    "maxmemory-samples": Parameter("3", f"1-{_MOST}"),
    "notify-keyspace-events": Parameter(""),
    "proto-max-bulk-len": Parameter("536870912", "1048576-536870912"),
    "repl-backlog-size": Parameter("1048576", f"16384-{_MOST}"),
    "repl-backlog-ttl": Parameter("3600", f"0-{_MOST}"),
    "reserved-memory-percent": Parameter("25", "0-100"),
    "set-max-intset-entries": Parameter("512", f"0-{_MOST}"),
    "slowlog-log-slower-than": Parameter("10000", f"0-{_MOST}"),
    "slowlog-max-len": Parameter("128", f"0-{_MOST}"),
    "stream-node-max-bytes": Parameter("4096", f"0-{_MOST}"),
    "stream-node-max-entries": Parameter("100", f"0-{_MOST}"),
    "tcp-keepalive": Parameter("300", f"0-{_MOST}"),
    "timeout": Parameter("0", f"0-{_MOST}"),
    "tracking-table-max-keys": Parameter("1000000", "1-100000000"),
    "zset-max-ziplist-entries": Parameter("128", f"0-{_MOST}"),
    "zset-max-ziplist-value": Parameter("64", f"0-{_MOST}"),
}


def check(name: str, value: str) -> None:
    """Raise ParameterError unless this family has the parameter and it may have the value."""
    if name not in PARAMETERS:
        raise ParameterError(f"Could not find parameter with name: {name}")
    PARAMETERS[name].check(name, value)
