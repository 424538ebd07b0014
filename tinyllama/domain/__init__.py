"""Pure models and decisions: no AWS, no Redis, no environment, no clock of their own."""
