"""The public API: verifies, admits, wakes, and answers."""
