"""The extensions of an application."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from bundles.web.extensions.csv_form import csv_extension
from bundles.web.extensions.extension import Extension
from bundles.web.extensions.json_form import json_extension
from bundles.web.extensions.jsonp import jsonp_extension
from bundles.web.extensions.xml_form import xml_extension
from rxkernel import ConfigurationError, Serializer

DATA_EXTENSIONS = (json_extension, jsonp_extension, xml_extension, csv_extension)

PAGES = ("html", "ajax")
"""Extensions whose results are texts or the data of a template."""

CONVERSATIONS = ("sse", "ws")
"""Extensions of directories that answer with more than one message."""

BUILT_IN = (*PAGES, "json", "jsonp", "xml", "csv", *CONVERSATIONS)


class Extensions(Mapping[str, Extension]):
    """The extensions whose results are rendered, by name.

    Args:
        serializer: that of the application.
        own: those of the project.

    Raises:
        ConfigurationError: two extensions have the same name, or an item of *own* is not an
            `Extension`.
    """

    def __init__(self, serializer: Serializer, own: Iterable[Extension] = ()) -> None:
        given = [*own]
        check_own(given)
        built_in = [make(serializer) for make in DATA_EXTENSIONS]
        self._extensions = {extension.name: extension for extension in (*built_in, *given)}

    def __getitem__(self, name: str) -> Extension:
        return self._extensions[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._extensions)

    def __len__(self) -> int:
        return len(self._extensions)

    def problem_of(self, name: str) -> str | None:
        """Return why a directory with handlers cannot have the extension *name*; None if it
        can."""
        known = (*BUILT_IN, *(name for name in self._extensions if name not in BUILT_IN))
        if name in known:
            return None
        near = get_close_matches(name.lower(), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}."
        return (
            f"the extension {name!r} is unknown; {hint} An extension of the project is passed as "
            f"WebBundle(extensions=[Extension({name!r}, …)])"
        )


def check_own(extensions: Iterable[Extension]) -> None:
    """Check the extensions of a project.

    Raises:
        ConfigurationError: with every problem.
    """
    taken = dict.fromkeys(BUILT_IN, "is built in")
    problems = []
    for extension in extensions:
        if not isinstance(extension, Extension):
            problems.append(
                f"WebBundle(extensions=…) has {extension!r}, which is not an Extension; write "
                f"Extension(name, content_type, render)"
            )
        elif reason := taken.get(extension.name):
            problems.append(
                f"the extension {extension.name!r} of WebBundle(extensions=…) {reason}; choose "
                f"another name"
            )
        else:
            taken[extension.name] = "is there twice"
    if problems:
        raise ConfigurationError(*problems)
