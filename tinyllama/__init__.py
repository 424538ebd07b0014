"""Your own LLM behind an authenticated HTTPS API on AWS, for at most EUR 20 a month."""
