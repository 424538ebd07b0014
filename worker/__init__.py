"""The process on the GPU node: claim, renew, generate, settle; and the watchdog that stops the node."""
