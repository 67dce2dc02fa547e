"""The command line: `main` is the console script, and ``python -m rxkernel``.

`run_until_stopped` is for commands of bundles, `configure_logging` for programs that start an
application themselves.
"""

from rxkernel.cli.commands import main
from rxkernel.cli.logs import configure_logging
from rxkernel.cli.running import run_until_stopped

__all__ = ["configure_logging", "main", "run_until_stopped"]
