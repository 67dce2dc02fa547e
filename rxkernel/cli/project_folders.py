"""Applications of directories without a Python module: the entry points of the group
``rxkernel.applications``.

The name of an entry point is a folder, with ``.`` for ``/``; its value is a function without
parameters that returns the application of a working directory with this folder.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from rxkernel.application.entry_points import entries, package_of
from rxkernel.exceptions import ConfigurationError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "rxkernel.applications"


def folders() -> list[str]:
    """Return the folders for which installed bundles make an application, sorted."""
    return sorted(set(map(_folder_of, entries(GROUP))))


def factory_for(directory: Path) -> str | None:
    """Return the target, ``module:function``, for the folder that *directory* has, or None.

    Raises:
        ConfigurationError: there are folders for several functions.
    """
    found = [entry for entry in entries(GROUP) if (directory / _folder_of(entry)).is_dir()]
    if len({entry.value for entry in found}) > 1:
        claims = " and ".join(
            f"{_folder_of(entry)!r} ({entry.value}, package {package_of(entry)!r})"
            for entry in sorted(found)
        )
        raise ConfigurationError(
            f"no application given, and {directory} has folders for several: {claims}; give one "
            f"as module:attribute"
        )
    return found[0].value if found else None


def _folder_of(entry: "EntryPoint") -> str:
    return entry.name.replace(".", "/")
