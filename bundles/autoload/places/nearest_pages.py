"""The hidden pages of folders, such as ``.404.html``, which apply to all paths below."""

from collections.abc import Sequence
from os.path import isdir, isfile, islink

from rxkernel import FileResponse, Response


def nearest_page(root: str, path: str, name: str, status: int) -> Response | None:
    """Return the response with the page *name* of the nearest folder of *path* that has it; None
    if no folder has it. This blocks.

    Folders that do not exist are skipped; links are not followed.
    """
    for folder in _folders(root, path):
        page = f"{folder}/{name}"
        if isfile(page) and not islink(page):
            headers = {"Cache-Control": "no-cache", "Vary": "Accept"}
            return FileResponse(page, status, headers)
    return None


def _folders(root: str, path: str) -> Sequence[str]:
    """Return the folders of *path* that exist, the nearest first."""
    found = [root]
    for name in path.split("/")[:-1]:
        folder = f"{found[-1]}/{name}"
        if name in ("", ".", "..") or islink(folder) or not isdir(folder):
            break
        found.append(folder)
    return found[::-1]
