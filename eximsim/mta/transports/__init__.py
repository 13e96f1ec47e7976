"""Exim's transport drivers, one module each (src/transports/)."""
