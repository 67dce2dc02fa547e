"""Reports errors of the user: each problem on one line of stderr."""

import click

from rxkernel.exceptions import ConfigurationError


def report(error: Exception) -> None:
    """Write each problem of *error* on a separate line."""
    problems = error.problems if isinstance(error, ConfigurationError) else (str(error),)
    for problem in problems:
        click.echo(f"Error: {' '.join(problem.split())}", err=True)
