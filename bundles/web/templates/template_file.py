"""A template file of a handler directory, and the meaning of its name."""

from typing import Literal

import attrs

from bundles.autoload.loading.source_file import SourceFile
from rxkernel import ConfigurationError

Kind = Literal["template", "jinja"]

SUFFIXES = (".template", ".jinja")
"""``.template`` is the notation of Impress, ``.jinja`` that of Jinja2."""

EVERYONE = "everyone"
"""The group of all users who are logged in."""


@attrs.frozen
class TemplateFile:
    """One file, as it was read.

    Attributes:
        directory: the path of its directory, as in URLs: ``/a/b``; ``""`` for the root.
        name: ``html.template``, or ``html.editors.template`` for one group of users.
        text: its content.
        path: shown in errors.
    """

    directory: str
    name: str
    text: str = attrs.field(repr=False)
    path: str

    @property
    def key(self) -> str:
        """Unique in a tree: ``/a/b/html.template``."""
        return f"{self.directory}/{self.name}"

    @property
    def kind(self) -> Kind:
        return "jinja" if self.name.endswith(".jinja") else "template"

    @property
    def base(self) -> str:
        """The name for pages and other templates: ``menu`` for ``menu.editors.template``."""
        return self.name.partition(".")[0]

    @property
    def group(self) -> str | None:
        """The group that sees it: ``editors`` for ``menu.editors.template``; None: all clients."""
        middle = self.name.split(".")[1:-1]
        return middle[0] if middle else None


def template_of(file: SourceFile, path: str) -> TemplateFile:
    """Return the template in *file*; errors show it as *path*.

    Raises:
        ConfigurationError: it is not UTF-8, or its name is not valid.
    """
    folder, _, name = file.key.rpartition("/")
    _check_name(name)
    try:
        text = file.content.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = 1 + file.content.count(b"\n", 0, exc.start)
        raise ConfigurationError(f"is not UTF-8 in line {line}; save it as UTF-8") from None
    directory = folder.partition("/")[2]
    return TemplateFile(f"/{directory}" if directory else "", name, text, path)


def _check_name(name: str) -> None:
    parts = name.split(".")
    if len(parts) not in (2, 3) or not all(parts):
        raise ConfigurationError(
            "the name of a template must be name.template, or name.group.template for one group "
            "of users; or the same with .jinja; rename it"
        )
