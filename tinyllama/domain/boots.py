"""How long a cold boot takes: from the wake to a worker that is ready, as measured."""

import math
from collections.abc import Sequence

BOOT_MAX_S = 1_800
"""What took longer than this was not a boot: a node that hung, or that somebody repaired."""
BOOTS_KEPT = 20


def plausible(boot_s: float) -> bool:
    """Whether a measured time can be that of a boot; a clock that jumped back gives a negative one."""
    return 0 <= boot_s <= BOOT_MAX_S


def usual_boot_s(boots_s: Sequence[float], default_s: float) -> float:
    """The 90th percentile (nearest rank) of recent boots, or the default until there are any.

    Not the mean: somebody who was promised too little looks at a broken promise, one in ten of them here.
    """
    if not boots_s:
        return default_s
    return sorted(boots_s)[math.ceil(0.9 * len(boots_s)) - 1]
