"""Checks which paths of a folder clients may request."""

import os
import re
from pathlib import Path

from rxkernel.exceptions import NotFoundException

_REFUSED = re.compile(
    r"""
      | \. .*                       # ".", "..", and hidden files
      | .* [\\\0] .*                # a separator elsewhere; the end of a name in C
      | [A-Za-z]: .*                # a drive
      | .* ~ | \# .* \#             # backups of editors
      | .* \. (?: bak | backup | old | orig | rej | save | sw[a-p] | tmp )
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)


def public_path(root: Path, path: str | os.PathLike[str]) -> Path:
    """Join *path*, which a client may have sent, to *root*.

    Only the text is checked, each part between slashes. Symbolic links are checked when the file
    is opened.

    Raises:
        NotFoundException: *path* is absolute or would leave *root*, has an empty part or syntax
            of another operating system, or names a hidden file (``.git``, ``.env``) or a backup
            (``a~``, ``a.bak``, ``a.swp``). The response is the same for all of them, so that it
            does not reveal which files exist.
    """
    text = os.fspath(path)
    if not all(map(is_public_name, text.split("/"))):
        raise NotFoundException
    return root / text


def is_public_name(name: str) -> bool:
    """Whether *name*, one part of a path, may be requested, see `public_path`."""
    return _REFUSED.fullmatch(name) is None
