"""The HTTP contract: the specification, the page about tokens, the collection, and fuzzing, against real processes."""
