"""The program itself: src/exim.c and src/daemon.c."""
