"""One file per outside thing, each behind a protocol of `tinyllama.ports`."""
