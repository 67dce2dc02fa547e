"""Prints listings: aligned columns for people, JSON for programs."""

from collections.abc import Sequence
from typing import Any

import click
import msgspec

from rxkernel.kernel.serialization import encode_json


def print_json(value: Any) -> None:
    """Print *value* as indented JSON."""
    click.echo(msgspec.json.format(encode_json(value), indent=2).decode())


def print_table(
    heads: Sequence[str], rows: Sequence[Sequence[object]], empty: str | None = None
) -> None:
    """Print *rows* below *heads*, each column as wide as its widest cell. Without rows, print
    *empty*, or only the heads."""
    if not rows and empty is not None:
        click.echo(empty)
        return
    table = [tuple(heads), *(tuple(map(str, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
