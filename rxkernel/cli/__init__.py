"""The command line: `main` is the console script, and ``python -m rxkernel``.

`json_option`, `print_json`, `print_table` and `run_until_stopped` are for commands of bundles,
`configure_logging` for programs that start an application themselves.
"""

from rxkernel.cli.commands import main
from rxkernel.cli.listing import print_json, print_table
from rxkernel.cli.logs import configure_logging
from rxkernel.cli.options import json_option
from rxkernel.cli.running import run_until_stopped

__all__ = [
    "configure_logging",
    "json_option",
    "main",
    "print_json",
    "print_table",
    "run_until_stopped",
]
