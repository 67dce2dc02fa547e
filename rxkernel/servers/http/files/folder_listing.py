"""Lists a folder, as a page or as JSON."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any
from urllib.parse import quote

import attrs

from rxkernel.exceptions import NotFoundException
from rxkernel.messages.public_path import is_public_name
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.servers.http.accepts_html import accepts_html
from rxkernel.servers.http.files.opening import open_folder

_MAX_ENTRIES = 10_000
_LAST_SECOND = 253_402_300_799
"""The end of the year 9999, the last one that Python can write."""


@attrs.frozen
class ListedEntry:
    """A file or a folder; ``modified`` is in seconds since 1970."""

    name: str
    is_folder: bool
    size: int
    modified: int


@attrs.frozen
class FolderListing:
    """The entries of a folder that clients may request, folders first, then by name.

    ``is_complete`` is False if the folder has more than 10 000 names.
    """

    entries: tuple[ListedEntry, ...]
    is_complete: bool


def list_folder(
    root: Path, path: str, is_public: Callable[[str], bool] = is_public_name
) -> FolderListing | None:
    """Read the folder *path* below *root*; None if it does not exist. It blocks.

    Links and names that are not public are left out, because they are not served.
    """
    try:
        with open_folder(root, path.split("/") if path else []) as folder:
            entries, is_complete = _entries(folder, is_public)
    except NotFoundException:
        return None
    entries.sort(key=lambda entry: (not entry.is_folder, entry.name))
    return FolderListing(tuple(entries), is_complete)


def _entries(folder: int, is_public: Callable[[str], bool]) -> tuple[list[ListedEntry], bool]:
    """Return the entries of *folder*, a descriptor, and whether they are complete."""
    entries: list[ListedEntry] = []
    with os.scandir(folder) as found:
        for number, entry in enumerate(found):
            if number == _MAX_ENTRIES:
                return entries, False
            if is_public(entry.name):
                entries += _listed(entry)
    return entries, True


def _listed(entry: "os.DirEntry[str]") -> list[ListedEntry]:
    try:
        status = entry.stat(follow_symlinks=False)
        entry.name.encode()
    except (OSError, UnicodeError):
        return []  # deleted meanwhile, or the name cannot be part of a URL
    is_folder = S_ISDIR(status.st_mode)
    if not (is_folder or S_ISREG(status.st_mode)):
        return []
    size = 0 if is_folder else status.st_size
    modified = min(max(int(status.st_mtime), 0), _LAST_SECOND)
    return [ListedEntry(entry.name, is_folder, size, modified)]


def listing_response(request: Request, path: str, listing: FolderListing) -> Response:
    """Return the *listing* of *path* as a page for browsers, else as JSON."""
    headers = {"Vary": "Accept", "Cache-Control": "no-cache"}
    if accepts_html(request):
        headers["Content-Type"] = "text/html; charset=utf-8"
        return Response(_page(path, listing), 200, headers)
    headers["Content-Type"] = "application/json"
    return Response(_plain(listing), 200, headers)


def _plain(listing: FolderListing) -> dict[str, Any]:
    return {
        "entries": [
            {
                "name": entry.name,
                "type": "folder" if entry.is_folder else "file",
                "size": None if entry.is_folder else entry.size,
                "modified": _date(entry),
            }
            for entry in listing.entries
        ],
        "is_complete": listing.is_complete,
    }


def _date(entry: ListedEntry) -> str:
    return datetime.fromtimestamp(entry.modified, UTC).isoformat().replace("+00:00", "Z")


def _page(path: str, listing: FolderListing) -> str:
    """Return the page. Its links are relative, so that they work below a prefix and behind
    proxies."""
    title = f"Index of /{escape(path)}"
    rows = [_row("../", "../", "", "")] if path else []
    for entry in listing.entries:
        slash = "/" if entry.is_folder else ""
        size = "" if entry.is_folder else str(entry.size)
        link = f"./{quote(entry.name, safe='')}{slash}"
        rows.append(_row(link, f"{entry.name}{slash}", size, _date(entry)))
    more = "" if listing.is_complete else "<p>The folder has more entries.</p>\n"
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">'
        f"<title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<table>\n"
        f"<tr><th>Name</th><th>Size</th><th>Modified</th></tr>\n"
        f"{''.join(rows)}</table>\n{more}</body>\n</html>\n"
    )


def _row(link: str, name: str, size: str, modified: str) -> str:
    return (
        f'<tr><td><a href="{escape(link)}">{escape(name)}</a></td><td>{size}</td>'
        f"<td>{modified}</td></tr>\n"
    )
