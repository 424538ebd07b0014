"""`python -m worker` runs `worker.service`, and is sooner ready for work.

What it imports, it keeps. To look through all of it for garbage, again and again while it grows, takes a tenth of the
time of importing it.
"""

import gc
import sys
from importlib import import_module

if __name__ == "__main__":
    gc.disable()
    service = import_module("worker.service")
    gc.enable()
    sys.exit(service.main())
