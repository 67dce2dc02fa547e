"""The extras of rxkernel that are not installed."""

import re
from collections.abc import Iterable, Iterator

_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(\[(?P<extras>[^\]]*)\])?")


def missing_extras(extras: Iterable[str]) -> list[str]:
    """Return the *extras* that need a package which is not installed, sorted. Versions are not
    compared."""
    return sorted(extra for extra in extras if not all(map(_is_installed, _packages(extra))))


def _packages(extra: str) -> Iterator[str]:
    """Yield the names of the packages of *extra*, and of the extras that it contains."""
    from importlib.metadata import requires  # noqa: PLC0415 - large, and needed for new only

    for line in requires("rxkernel") or ():
        requirement, _, marker = line.partition(";")
        if f'extra == "{extra}"' not in marker.replace("'", '"'):
            continue
        found = _REQUIREMENT.match(requirement.strip())
        assert found is not None, f"{line!r} is not a requirement"
        if found["name"] != "rxkernel":
            yield found["name"]
            continue
        for inner in found["extras"].split(","):
            yield from _packages(inner.strip())


def _is_installed(package: str) -> bool:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - as above

    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
