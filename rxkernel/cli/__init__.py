"""The command line: `main` is the console script, and ``python -m rxkernel``."""

from rxkernel.cli.commands import main

__all__ = ["main"]
