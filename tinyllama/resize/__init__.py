"""Resizing a node for real: `prepare` looks and plans, `carry_out` acts and goes back on failure."""
