"""Whether an address would be taken: src/verify.c, callouts included."""
