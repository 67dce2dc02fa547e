"""``python -m rxkernel``: the same as the console script ``rxkernel``."""

from rxkernel.cli import main

if __name__ == "__main__":
    main()
