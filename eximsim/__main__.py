"""``python -m eximsim``."""

from eximsim.cli import main

if __name__ == "__main__":
    main()
