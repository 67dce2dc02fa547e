"""Results: a Markdown table for people, JSON for scripts."""

import json
from pathlib import Path

import attrs
import click

Value = str | float | int


@attrs.define(eq=False)
class Table:
    """``columns`` are names with the format of their values; ``note`` explains the table."""

    title: str
    columns: dict[str, str]
    note: str = ""
    rows: list[list[Value]] = attrs.field(factory=list)

    def add(self, *values: Value) -> None:
        self.rows.append(list(values))

    def markdown(self, heading: str = "##") -> str:
        lines = [" | ".join(self.columns), " | ".join(["---"] * len(self.columns))]
        for row in self.rows:
            shown = zip(row, self.columns.values(), strict=True)
            lines.append(" | ".join(f"{value:{spec}}" for value, spec in shown))
        table = "\n".join(f"| {line} |" for line in lines)
        return f"\n{heading} {self.title}\n\n{table}\n\n{self.note}".rstrip()

    def records(self) -> list[dict[str, Value]]:
        """The rows, each value by the name of its column."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def plain(self) -> dict[str, object]:
        return {"title": self.title, "rows": self.records(), "note": self.note}


def publish(tables: list[Table], json_file: Path | None) -> None:
    """Write *tables* to stdout, and to *json_file* if there is one."""
    for table in tables:
        click.echo(table.markdown())
    if json_file is not None:
        json_file.write_text(json.dumps([table.plain() for table in tables], indent=2) + "\n")
