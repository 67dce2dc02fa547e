"""The files of a folder that clients may request."""

import os
from collections.abc import Callable
from pathlib import Path
from stat import S_ISREG

from rxkernel.messages.public_path import is_public_name


def public_files(
    root: Path, limit: int, is_public: Callable[[str], bool] = is_public_name
) -> list[str]:
    """Return at most *limit* paths below *root*, sorted, without links and names that are not
    public.

    It blocks. Folders that cannot be read are left out.
    """
    found: list[str] = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(filter(is_public, folders))
        for name in sorted(filter(is_public, names)):
            if len(found) == limit:
                return found
            path = Path(folder, name)
            if _is_file(path):
                found.append(path.relative_to(root).as_posix())
    return found


def _is_file(path: Path) -> bool:
    """Whether *path* is a file and not a link; False if it was deleted meanwhile."""
    try:
        return S_ISREG(path.lstat().st_mode)
    except OSError:
        return False
