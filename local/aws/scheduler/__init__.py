"""EventBridge Scheduler: schedules that are checked, and fire."""
