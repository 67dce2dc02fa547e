"""Finds files and handlers of a tree that are never used."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from bundles.web.directories.directory import Directory
from bundles.web.directories.handler import Handler
from bundles.web.directories.handler_file_names import ACCESS, STAGES, VERBS
from bundles.web.extensions.ws import WS
from bundles.web.templates.pages import ERROR_PAGE, PAGES
from bundles.web.templates.template_file import TemplateFile
from bundles.web.templates.templates import Templates

_PAGES = (*dict.fromkeys(name for names in PAGES.values() for name in names), *ERROR_PAGE)

_OTHER_PAGES = {"index": "html", "page": "html", "errors": "error"}
"""Names of pages in other systems, and the names here."""

_CACHES = ("pyc", "pyo")


def is_misspelled(name: str) -> bool:
    """Whether the file *name* is a misspelled handler or access file: with a suffix such as
    ``.pyy``, in upper case, or with a further ``.txt``, which editors add. It would be sent as a
    static file."""
    stem, _, suffix = name.casefold().removesuffix(".txt").rpartition(".")
    is_almost = suffix.startswith("py") and suffix not in _CACHES
    return is_almost and name != f"{stem}.py" and stem in (*STAGES, ACCESS)


def uncalled_handlers(directory: Directory) -> Iterator[Handler]:
    """Yield the handlers of verbs other than GET of a ``.ws``: a WebSocket begins with GET."""
    if directory.extension is WS:
        yield from (h for stage, h in directory.handlers.items() if stage in {*VERBS} - {"get"})


def unused_pages(templates: Templates) -> Iterator[tuple[TemplateFile, str]]:
    """Yield the templates whose name is almost that of a page, and that no other template uses;
    each with the name of the page."""
    used = {name for file in templates.files for name in templates.names_in(file)}
    for file in templates.files:
        page = _meant(file.base)
        if page is not None and used.isdisjoint((file.base, file.name)):
            yield file, page


def _meant(name: str) -> str | None:
    if name in _PAGES:
        return None
    near: Iterable[str] = get_close_matches(name, _PAGES, n=1, cutoff=0.75)
    return _OTHER_PAGES.get(name) or next(iter(near), None)
