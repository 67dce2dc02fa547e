"""Templates from texts, by the path of their files."""

from collections.abc import Collection, Mapping
from typing import Any

import pytest

from bundles.web.templates import TemplateFile, Templates
from rxkernel import ConfigurationError


def tree(files: Mapping[str, str], previous: Templates | None = None) -> Templates:
    """Return the templates of *files*, ``{"a/html.template": text}``."""
    return Templates([_file(key, text) for key, text in files.items()], previous)


def problems_of(files: Mapping[str, str]) -> tuple[str, ...]:
    """Return the problems of *files*."""
    with pytest.raises(ConfigurationError) as caught:
        tree(files)
    return caught.value.problems


def _file(key: str, text: str) -> TemplateFile:
    directory, _, name = key.rpartition("/")
    return TemplateFile(f"/{directory}" if directory else "", name, text, f"app/{key}")


def page(
    files: Mapping[str, str],
    data: Mapping[str, Any],
    directory: str = "",
    groups: Collection[str] | None = None,
) -> str:
    """Return the page ``html`` of *directory*."""
    text = tree(files).render(directory, ("html",), data, groups)
    assert text is not None
    return text


def write(text: str, **data: Any) -> str:
    """Return *text* in Impress's notation, rendered with *data*."""
    return page({"html.template": text}, data)
