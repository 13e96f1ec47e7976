"""What a process knows, as in src/globals.c, and its log."""
