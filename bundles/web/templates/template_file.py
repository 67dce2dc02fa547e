"""A template as it was read."""

import attrs

from bundles.autoload.loading.source_file import SourceFile
from rxkernel import ConfigurationError

SUFFIXES = (".template", ".jinja")
"""``.template`` is the notation of Impress, ``.jinja`` that of Jinja2."""


@attrs.frozen(eq=False)
class TemplateFile:
    """One file of a directory.

    Attributes:
        name: that of the file: ``html.template``.
        text: its content.
    """

    file: SourceFile
    name: str
    text: str


def template_of(file: SourceFile) -> TemplateFile:
    """Return the template in *file*. A byte order mark is removed.

    Raises:
        ConfigurationError: it is not UTF-8.
    """
    try:
        text = file.content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = 1 + file.content.count(b"\n", 0, exc.start)
        raise ConfigurationError(f"is not UTF-8 in line {line}; save it as UTF-8") from None
    return TemplateFile(file, file.key.rpartition("/")[2], text)
