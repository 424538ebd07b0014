"""What the platform needs from the outside, one small protocol per thing; import them from here.

The queue is two protocols, since its two sides have nothing in common: the API admits and looks
(synchronously, in a Lambda), the worker claims and settles (asynchronously, many jobs at once).
Three modules and not one a protocol: each costs a cold start about 0.2 ms.
"""

from tinyllama.ports.api import (
    Admission,
    Admissions,
    AdmitCode,
    CancelCode,
    DrainGate,
    Look,
    Metrics,
    Principal,
    QueueProbe,
    QueueSnapshot,
    Throttle,
    TokenVerifier,
)
from tinyllama.ports.node import Automation, BootTimes, Leases, NodeControl, NodeShapes, ShapedNodes
from tinyllama.ports.worker import (
    Chunk,
    Claim,
    Claims,
    DeadLetter,
    Dispatch,
    Engine,
    Heartbeat,
    Outcome,
    ReplyStore,
)

__all__ = [
    "Admission",
    "Admissions",
    "AdmitCode",
    "Automation",
    "BootTimes",
    "CancelCode",
    "Chunk",
    "Claim",
    "Claims",
    "DeadLetter",
    "Dispatch",
    "DrainGate",
    "Engine",
    "Heartbeat",
    "Leases",
    "Look",
    "Metrics",
    "NodeControl",
    "NodeShapes",
    "Outcome",
    "Principal",
    "QueueProbe",
    "QueueSnapshot",
    "ReplyStore",
    "ShapedNodes",
    "Throttle",
    "TokenVerifier",
]
