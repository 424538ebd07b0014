"""The admin API: starts, stops and resizes the node through one Automation document, and follows it (EC2-002)."""
