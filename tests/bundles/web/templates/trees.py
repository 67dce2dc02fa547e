"""Templates from texts, by the path of their files."""

from collections.abc import Collection, Mapping
from typing import Any

from bundles.web.templates import TemplateFile, Templates


def tree(files: Mapping[str, str], previous: Templates | None = None) -> Templates:
    """Return the templates of *files*, ``{"a/html.template": text}``."""
    return Templates([_file(key, text) for key, text in files.items()], previous)


def _file(key: str, text: str) -> TemplateFile:
    directory, _, name = key.rpartition("/")
    return TemplateFile(f"/{directory}" if directory else "", name, text, f"app/{key}")


def page(
    files: Mapping[str, str],
    data: Mapping[str, Any],
    directory: str = "",
    groups: Collection[str] | None = None,
) -> str:
    """Return the page ``html`` of *directory*; the files must have no problems."""
    templates = tree(files)
    assert templates.problems == ()
    text = templates.render(directory, ("html",), data, groups)
    assert text is not None
    return text


def write(text: str, **data: Any) -> str:
    """Return *text* in Impress's notation, rendered with *data*."""
    return page({"html.template": text}, data)


def problems(**files: str) -> tuple[str, ...]:
    """Return the problems of files in the root, by their names before ``.template``."""
    return tree({f"{name}.template": text for name, text in files.items()}).problems
