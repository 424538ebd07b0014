"""Other ways of doing the same, written as well as their users would write them."""
