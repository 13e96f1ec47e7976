"""Access control lists: src/acl.c."""
