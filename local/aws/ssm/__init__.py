"""Systems Manager Automation: documents that are checked, and executed as their role."""
