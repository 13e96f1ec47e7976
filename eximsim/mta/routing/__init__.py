"""From an address to hosts: src/route.c and src/routers/."""
