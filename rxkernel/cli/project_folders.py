"""Applications of directories without a Python module: the entry points of the group
``rxkernel.applications``.

The name of an entry point is a folder, with ``.`` for ``/``. Its value is a function. Without an
argument, it returns the application of a working directory that contains this folder. Its optional
argument is the path of another folder with the same parts below: for the entry point
``application.api`` it may be ``sites/shop``, if that has a folder ``api``. A project, such as
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
    """Return the folders from which installed bundles create an application, sorted."""
    return sorted(set(map(_folder_of, entries(GROUP))))


def is_application(folder: Path) -> bool:
    """Whether an installed bundle creates an application from *folder*, or a folder in it."""
    return application_in(folder) is not None


def application_in(folder: Path) -> Path | None:
    """Return the folder of the application: *folder*, or ``application`` in the project *folder*;
    None if no installed bundle creates an application from either."""
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
        ConfigurationError: *directory* has folders for several functions.
    """
    found = [entry for entry in entries(GROUP) if (directory / _folder_of(entry)).is_dir()]
    return _only(found, f"no application given, and {directory}") if found else None


def factory_in(folder: Path) -> str:
    """Return the target, ``module:function``, whose function creates the application in *folder*.

    Raises:
        ConfigurationError: *folder* does not have folders for exactly one function.
    """
    found = [entry for entry in entries(GROUP) if (folder / _part_of(entry)).is_dir()]
    if not found:
        parts = " or ".join(sorted({repr(_part_of(entry)) for entry in entries(GROUP)}))
        raise ConfigurationError(
            f"{folder} is not the folder of an application: it has no folder {parts}; correct the "
            f"path, or pass the application as module:attribute"
        )
    return _only(found, str(folder))


def _only(found: "list[EntryPoint]", where: str) -> str:
    if len({entry.value for entry in found}) > 1:
        claims = " and ".join(
            f"{_folder_of(entry)!r} ({entry.value}, package {package_of(entry)!r})"
            for entry in sorted(found)
        )
        raise ConfigurationError(
            f"{where} has folders for several: {claims}; pass one as module:attribute"
        )
    return found[0].value


def _part_of(entry: "EntryPoint") -> str:
    """The folder without its first part, for which any other folder may be used."""
    return _folder_of(entry).partition("/")[2]


def _first_part_of(entry: "EntryPoint") -> str:
    return _folder_of(entry).partition("/")[0]


def _folder_of(entry: "EntryPoint") -> str:
    return entry.name.replace(".", "/")
