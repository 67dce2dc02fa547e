"""A template file of a handler directory, and what its name means."""

from typing import Literal

import attrs

Kind = Literal["template", "jinja"]

KINDS: tuple[Kind, ...] = ("template", "jinja")
"""The extensions of templates: Impress's notation, and Jinja2."""

EVERYONE = "everyone"
"""The group of all logged users."""


@attrs.frozen
class TemplateFile:
    """The file *name* in *directory*, with its text.

    *directory* is the path of the handler directory without slashes around it: ``a/b``, or an
    empty text for the root of the tree. *path* is shown in errors.
    """

    directory: str
    name: str
    content: str
    path: str

    @property
    def key(self) -> str:
        """Unique in a tree: ``a/b/html.template``."""
        return f"{self.directory}/{self.name}" if self.directory else self.name

    @property
    def kind(self) -> Kind:
        return "jinja" if self.name.endswith(".jinja") else "template"

    @property
    def base(self) -> str:
        """What pages and other templates call it: ``menu`` for ``menu.editors.template``."""
        return self.name.split(".", 1)[0]

    @property
    def group(self) -> str | None:
        """Who sees it: ``editors`` for ``menu.editors.template``; None for all clients."""
        middle = self.name.split(".", 1)[1].removesuffix(self.kind).removesuffix(".")
        return middle or None


def name_problem(name: str) -> str | None:
    """Return what is wrong with the *name* of a template file; None if it can be used."""
    parts = name.split(".")
    if len(parts) not in (2, 3) or not all(parts):
        return (
            f"the name {name!r} is not that of a template; "
            "write name.template, or name.group.template for one group, also with .jinja"
        )
    return None
