"""EC2: instances that change state over time, what belongs to them, and what they ask the metadata service."""
