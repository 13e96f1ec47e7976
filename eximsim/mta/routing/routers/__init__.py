"""Exim's router drivers, one module each (src/routers/)."""
