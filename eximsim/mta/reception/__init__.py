"""Messages that come in: src/smtp_in.c and src/receive.c."""
