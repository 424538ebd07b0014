"""The peers' side of the queue's bench; what is here runs in their environments, with what they bring and no more."""
