"""What every part of Exim uses and no process has to do with: strings, addresses, decision tables.

Functions of src/string.c, src/parse.c, src/rfc2047.c, src/tod.c and their like, and the form of a decision
table. May import nothing of the model.
"""
