"""The model: one module for each Exim source file that it stands for. It does no I/O; it asks a World."""
