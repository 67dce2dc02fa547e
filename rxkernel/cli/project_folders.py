"""Applications of directories without a Python module: the entry points of the group
``rxkernel.applications``.

The name of an entry point is a folder, with ``.`` for ``/``; its value is a function that returns
the application of a working directory with this folder, without an argument. With the path of
another folder that has the same parts below, as its only argument, it returns the application of
that one: ``sites/shop`` with a folder ``api``, for the entry point ``application.api``. A project,
``sites/shop`` with a folder ``application/api``, stands for ``sites/shop/application``.
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


def is_application(folder: Path) -> bool:
    """Whether an installed bundle makes an application of *folder*, or of a folder in it."""
    return application_in(folder) is not None


def application_in(folder: Path) -> Path | None:
    """Return the folder of the application: *folder*, or ``application`` in the project *folder*;
    None if an installed bundle makes an application of neither."""
    if any((folder / _part_of(entry)).is_dir() for entry in entries(GROUP)):
        return folder
    found = [entry for entry in entries(GROUP) if (folder / _folder_of(entry)).is_dir()]
    return folder / _first_part_of(found[0]) if found else None


def project_of(folder: Path) -> Path:
    """Return the project of the application in *folder*: the folder above ``application``, or
    *folder* itself if it has another name."""
    folder = folder.resolve()
    is_part = any(folder.name == _first_part_of(entry) for entry in entries(GROUP))
    return folder.parent if is_part else folder


def factory_for(directory: Path) -> str | None:
    """Return the target, ``module:function``, for the folder that *directory* has, or None.

    Raises:
        ConfigurationError: there are folders for several functions.
    """
    found = [entry for entry in entries(GROUP) if (directory / _folder_of(entry)).is_dir()]
    return _only(found, f"no application given, and {directory}") if found else None


def factory_in(folder: Path) -> str:
    """Return the target, ``module:function``, whose function makes the application of *folder*.

    Raises:
        ConfigurationError: *folder* has folders for several functions, or for none.
    """
    found = [entry for entry in entries(GROUP) if (folder / _part_of(entry)).is_dir()]
    if not found:
        parts = " or ".join(sorted({repr(_part_of(entry)) for entry in entries(GROUP)}))
        raise ConfigurationError(
            f"{folder} is not the folder of an application: it has no folder {parts}; correct the "
            f"path, or give the application as module:attribute"
        )
    return _only(found, str(folder))


def _only(found: "list[EntryPoint]", where: str) -> str:
    if len({entry.value for entry in found}) > 1:
        claims = " and ".join(
            f"{_folder_of(entry)!r} ({entry.value}, package {package_of(entry)!r})"
            for entry in sorted(found)
        )
        raise ConfigurationError(
            f"{where} has folders for several: {claims}; give one as module:attribute"
        )
    return found[0].value


def _part_of(entry: "EntryPoint") -> str:
    """The folder without its first part, which another folder replaces."""
    return _folder_of(entry).partition("/")[2]


def _first_part_of(entry: "EntryPoint") -> str:
    return _folder_of(entry).partition("/")[0]


def _folder_of(entry: "EntryPoint") -> str:
    return entry.name.replace(".", "/")
