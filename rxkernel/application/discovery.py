"""From what `Application(bundles=…)` was given to bundles in the order they are set up.

A name is looked up among the entry points of group ``rxkernel.bundles``; being installed
enables nothing by itself.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from rxkernel.application.bundle import Bundle
from rxkernel.exceptions import ConfigurationError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "rxkernel.bundles"

Given = str | Bundle | type[Bundle]
Found = Bundle | type[Bundle]


def installed() -> "dict[str, EntryPoint]":
    """The bundles that are installed, enabled or not, by name."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - large; few name their bundles

    return {entry.name: entry for entry in sorted(entry_points(group=GROUP))}


def resolve(given: Sequence[Given]) -> list[Found]:
    """Load names, and put every bundle behind those it requires; else the order stays.

    Raises:
        ConfigurationError: with every problem: a name nobody installed, a bundle given twice,
            one that is required and missing, a circle.
    """
    problems: list[str] = []
    found: dict[str, Found] = {}
    for item in given:
        try:
            bundle = _load(item) if isinstance(item, str) else item
            name = _name(bundle)
            if name in found:
                raise ConfigurationError(f"bundle {name!r} is enabled twice; leave one out")
            found[name] = bundle
        except ConfigurationError as error:
            problems += error.problems
    for name, bundle in found.items():
        problems += (
            f"bundle {name!r} requires {needed!r}; add it: bundles=[…, {needed!r}]"
            for needed in bundle.requires
            if needed not in found
        )
    if problems:
        raise ConfigurationError(*problems)
    return _sorted(found)


def _load(name: str) -> type[Bundle]:
    entries = installed()
    if name not in entries:
        known = ", ".join(entries) or "none"
        raise ConfigurationError(f"no bundle {name!r} is installed; there is: {known}")
    try:
        loaded: type[Bundle] = entries[name].load()
    except ImportError as exc:
        raise ConfigurationError(
            f"bundle {name!r} cannot be imported: {exc}{_shadowed() or _extra(name)}"
        ) from exc
    return loaded


def _shadowed() -> str:
    """A project's own ``bundles/__init__.py`` hides the installed bundles; say so."""
    spec = find_spec("bundles")
    if spec is None or spec.origin is None:
        return ""
    return f"; {spec.origin} hides the installed bundles, delete that file"


def _extra(name: str) -> str:
    return f"; install what it needs: pip install 'rxkernel[{name}]'"


def _name(bundle: Found) -> str:
    cls = bundle if isinstance(bundle, type) else type(bundle)
    if not issubclass(cls, Bundle):
        raise ConfigurationError(f"{bundle!r} is no bundle; subclass rxkernel.Bundle")
    if not isinstance(getattr(bundle, "name", None), str):
        raise ConfigurationError(f"bundle {cls.__qualname__} has no name; give it a text")
    return bundle.name


def _sorted(found: dict[str, Found]) -> list[Found]:
    ordered: dict[str, Found] = {}

    def place(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = " → ".join((*path[path.index(name) :], name))
            raise ConfigurationError(f"bundles require each other in a circle: {circle}")
        if name not in ordered:
            for needed in found[name].requires:
                place(needed, (*path, name))
            ordered[name] = found[name]

    for name in found:
        place(name, ())
    return list(ordered.values())
