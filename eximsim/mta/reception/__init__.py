"""Taking a message in: the server's side of SMTP, and what is done to a message (src/smtp_in.c).

May import ``acl`` and what is below it.
"""
