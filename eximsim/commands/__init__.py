"""The commands of the command line, one module each; ``cli.py`` loads a module when its command is called."""
