"""DynamoDB: transactions that take time, tokens used twice, and reads that are not fresh."""
