"""Steady load on the whole API of a platform of its own: `python -m tests.load`, or `make load`."""
