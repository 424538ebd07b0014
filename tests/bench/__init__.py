"""Figures, as ratios to another way of doing the same in the same run: `python -m tests.bench [PART ...]`."""
