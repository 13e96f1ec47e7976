"""String expansion: src/expand.c."""
