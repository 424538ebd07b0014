"""AWS Billing and Cost Management: budgets, what is spent, and what things cost."""
