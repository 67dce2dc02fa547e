"""The command line: `main` is the console script, and ``python -m rxkernel``.

`run_until_stopped` is for commands of bundles.
"""

from rxkernel.cli.commands import main
from rxkernel.cli.running import run_until_stopped

__all__ = ["main", "run_until_stopped"]
