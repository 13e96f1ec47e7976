"""A message and all of its recipients: src/deliver.c, the queue, bounces."""
