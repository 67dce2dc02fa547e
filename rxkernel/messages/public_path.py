"""Which names of a folder the world may ask for."""

import os
import re
from pathlib import Path

from rxkernel.exceptions import NotFoundException

_REFUSED = re.compile(
    r"""
      | \. .*                       # this folder, the one above, and all that is hidden
      | .* [\\\0] .*                # a separator elsewhere; the end of a name in C
      | [A-Za-z]: .*                # a drive
      | .* ~ | \# .* \#             # what editors leave behind, and people in a hurry
      | .* \. (?: bak | backup | old | orig | rej | save | sw[a-p] | tmp )
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)


def public_path(root: Path, path: str | os.PathLike[str]) -> Path:
    """Where *path*, which a stranger may have sent, is below *root*.

    Only its text is looked at, each part between two slashes; that no symbolic link leads
    out is seen to when the file is opened.

    Raises:
        NotFoundException: it is absolute or would leave *root*, has an empty part or one of
            another system, or names what is hidden (``.git``, ``.env``) or a backup (``a~``,
            ``a.bak``, ``a.swp``). The response is the same for all of them, so
            that it does not reveal which files exist.
    """
    text = os.fspath(path)
    if any(map(_REFUSED.fullmatch, text.split("/"))):
        raise NotFoundException
    return root / text
