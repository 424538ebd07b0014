"""`python -m worker` runs `worker.service`, and is sooner ready for work.

To look for garbage meanwhile takes a tenth of the time of importing it.
"""

import sys
from importlib import import_module

from tinyllama.imports import importing

if __name__ == "__main__":
    with importing():
        service = import_module("worker.service")
    sys.exit(service.main())
