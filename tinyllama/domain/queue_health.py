"""Whether the queue is well, and who may ask (RED-002, design §4.11)."""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

LATENCY_MAX_MS = 200.0


@dataclass(frozen=True, slots=True)
class Measurement:
    """A round trip in ms and the queue's own diagnosis, or the error that came instead."""

    latency_ms: float = 0.0
    doctor: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class QueueHealth:
    """The verdict, and the body that says so."""

    ok: bool
    body: dict[str, Any]
    doctor: str


def judge(measured: Measurement, queue: str = "redis") -> QueueHealth:
    """A queue is well when it answers within `LATENCY_MAX_MS`; the body says which queue it is."""
    if measured.error:
        return QueueHealth(ok=False, body={queue: "fail", "error": measured.error}, doctor="")
    if measured.latency_ms >= LATENCY_MAX_MS:
        error = f"slow: {measured.latency_ms:.1f} ms, {LATENCY_MAX_MS:.0f} ms are allowed"
        return QueueHealth(ok=False, body={queue: "fail", "error": error}, doctor=measured.doctor)
    body = {queue: "ok", "latencyMs": round(measured.latency_ms, 1)}
    return QueueHealth(ok=True, body=body, doctor=measured.doctor)


def allowed_source(source: str, cidrs: str) -> bool:
    """Whether a source address lies in one of the blocks; an IPv4 address written as IPv6 counts as IPv4."""
    try:
        address = ip_address(source)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in ip_network(cidr.strip()) for cidr in cidrs.split(","))
