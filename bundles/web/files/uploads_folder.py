"""The folder of uploads, from its setting."""

from pathlib import Path

from bundles.autoload.loading.place_names import OTHER_FOLDERS, PLACES
from rxkernel import ConfigurationError

_TREE = "app"
_TAKEN = frozenset((_TREE, *PLACES, *OTHER_FOLDERS))


def uploads_folder(root: Path, setting: Path) -> Path:
    """Return the absolute folder for *setting*, which is absolute or below *root*, the
    directory of the application.

    Raises:
        ConfigurationError: its files would be served, or loaded as files of the application.
    """
    folder = (root / setting).resolve()
    root = root.resolve()
    problem = None
    if root.is_relative_to(folder):
        problem = "contains the application"
    elif folder.is_relative_to(root) and (place := folder.relative_to(root).parts[0]) in _TAKEN:
        problem = f"is in {place}, whose files are served or loaded"
    if problem is not None:
        raise ConfigurationError(
            f"web.uploads is {str(setting)!r}, which {problem}; write a separate folder, such as "
            f"'files'"
        )
    return folder
