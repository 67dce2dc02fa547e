"""The bundles that are installed: the entry points of the group ``rxkernel.bundles``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rxkernel.exceptions import ConfigurationError
from rxkernel.nearest import nearest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "rxkernel.bundles"


def installed() -> "dict[str, EntryPoint]":
    """The installed bundles by name, even if they are not enabled.

    Raises:
        ConfigurationError: the metadata of an installed package cannot be read.
    """
    return {entry.name: entry for entry in sorted(entries(GROUP))}


def entries(group: str) -> "tuple[EntryPoint, ...]":
    """The entry points of *group*, in any order.

    Raises:
        ConfigurationError: the metadata of an installed package cannot be read.
    """
    from importlib.metadata import (  # noqa: PLC0415 - large, and needed for names of bundles only
        distributions,
        entry_points,
    )

    try:
        return tuple(entry_points(group=group))
    except Exception as exc:
        for distribution in distributions():
            try:
                distribution.entry_points  # noqa: B018 - read to find the distribution that raises
            except Exception:  # noqa: BLE001 - as above
                raise ConfigurationError(
                    f"entry_points.txt of the package {distribution.name!r} cannot be read; "
                    f"install the package again"
                ) from exc
        raise


def entry_of(name: str, among: "Sequence[EntryPoint]") -> "EntryPoint":
    """The entry point of the bundle *name*; *among* are all entry points of `GROUP`.

    Raises:
        ConfigurationError: no package has it, or several packages have it.
    """
    found = [entry for entry in among if entry.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        packages = " and ".join(repr(package_of(entry)) for entry in found)
        raise ConfigurationError(
            f"bundle {name!r} is installed by the packages {packages}; uninstall one of them"
        )
    known = tuple(installed())
    near = nearest(name, known)
    hint = f"did you mean {near!r}?" if near else f"there is: {', '.join(known) or 'none'}"
    raise ConfigurationError(f"no bundle {name!r} is installed; {hint}")


def package_of(entry: "EntryPoint") -> str:
    """The name of the distribution of *entry*."""
    return entry.dist.name if entry.dist is not None else "unknown"


def extra_of(entry: "EntryPoint") -> str | None:
    """The extra with the name of the bundle in its distribution, or None."""
    extras = _extras(entry)
    return next((extra for extra in extras if _plain(extra) == _plain(entry.name)), None)


def _extras(entry: "EntryPoint") -> Sequence[str]:
    return () if entry.dist is None else entry.dist.metadata.get_all("Provides-Extra") or ()


def _plain(name: str) -> str:
    """*name* as packaging compares names (PEP 685)."""
    return name.replace("_", "-").replace(".", "-").lower()
