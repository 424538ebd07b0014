"""Puts the router's alias back to the version before when a deploy broke it (LAM-001)."""
