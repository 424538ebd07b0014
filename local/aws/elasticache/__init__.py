"""ElastiCache: clusters that change state over time, and the groups that they need."""
