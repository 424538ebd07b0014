"""SQS: no order, receipts that are good for one delivery, and who may be a dead-letter queue."""
