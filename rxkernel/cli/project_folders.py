"""Applications of directories without a Python module: the entry points of the group
``rxkernel.applications``.

The name of an entry point is a folder, with ``.`` for ``/``; its value is a function without
parameters that returns the application of a working directory with this folder.
"""

from pathlib import Path

from rxkernel.application.entry_points import entries, package_of
from rxkernel.exceptions import ConfigurationError

GROUP = "rxkernel.applications"


def folders() -> list[str]:
    """Return the folders for which installed bundles make an application, sorted."""
    return sorted({entry.name.replace(".", "/") for entry in entries(GROUP)})


def factory_for(directory: Path) -> str | None:
    """Return the target, ``module:function``, for the folder that *directory* has, or None.

    Raises:
        ConfigurationError: there are several.
    """
    found = [e for e in entries(GROUP) if directory.joinpath(*e.name.split(".")).is_dir()]
    if len(found) > 1:
        claims = " and ".join(
            f"{entry.name.replace('.', '/')!r} ({entry.value}, package {package_of(entry)!r})"
            for entry in sorted(found)
        )
        raise ConfigurationError(
            f"no application given, and {directory} has folders for several: {claims}; give one "
            f"as module:attribute"
        )
    return found[0].value if found else None
