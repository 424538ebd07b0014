"""Tells operators inside the VPC whether Redis answers, and how fast (RED-002)."""
