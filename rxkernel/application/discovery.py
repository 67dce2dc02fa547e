"""From what `Application(bundles=…)` was given to bundles in the order they are set up.

A name is looked up among the entry points of group ``rxkernel.bundles``; being installed
enables nothing by itself.
"""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from inspect import getattr_static
from typing import TYPE_CHECKING, Any

from rxkernel.application.bundle import Bundle
from rxkernel.application.bundle_order import in_order
from rxkernel.application.bundle_rules import Found, check_bundle, clashes, class_of
from rxkernel.application.problems import place_of
from rxkernel.exceptions import ConfigurationError
from rxkernel.nearest import nearest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "rxkernel.bundles"

Given = str | Bundle | type[Bundle]


def installed() -> "dict[str, EntryPoint]":
    """The bundles that are installed, enabled or not, by name.

    Raises:
        ConfigurationError: the metadata of an installed package cannot be read.
    """
    return {entry.name: entry for entry in sorted(_entry_points())}


def _entry_points() -> "tuple[EntryPoint, ...]":
    from importlib.metadata import (  # noqa: PLC0415 - large; few name their bundles
        distributions,
        entry_points,
    )

    try:
        return tuple(entry_points(group=GROUP))
    except Exception as exc:
        for distribution in distributions():
            try:
                distribution.entry_points  # noqa: B018 - read to find the one that raises
            except Exception:  # noqa: BLE001 - the same as above
                raise ConfigurationError(
                    f"entry_points.txt of the package {distribution.name!r} cannot be read; "
                    f"install the package again"
                ) from exc
        raise


def resolve(given: Sequence[Given]) -> list[Found]:
    """Load names, and put every bundle behind those of its ``requires`` and ``after``.

    Apart from that, the order of *given* stays.

    Raises:
        ConfigurationError: with every problem: a bundle that is not installed, cannot be
            imported, has an attribute of a wrong type or is enabled twice; a required one that
            is missing; bundles that wait for each other.
    """
    errors: list[ConfigurationError] = []
    found: dict[str, Found] = {}
    failed: set[str] = set()
    for item in given:
        try:
            bundle = load(item) if isinstance(item, str) else item
            check_bundle(bundle)
            if bundle.name in found:
                raise ConfigurationError(f"bundle {bundle.name!r} is enabled twice; remove one")
            found[bundle.name] = bundle
        except ConfigurationError as error:
            errors.append(error)
            failed.add(item if isinstance(item, str) else str(getattr_static(item, "name", "")))
    if together := tuple(clashes(found.values())):
        errors.append(ConfigurationError(*together))
    ordered: list[Found] = []
    try:
        ordered = in_order(found, failed)
    except ConfigurationError as error:
        errors.append(error)
    if errors:
        raise ConfigurationError.merge(errors) from errors[0]
    return ordered


def load(name: str) -> Found:
    """Import the installed bundle *name*.

    Raises:
        ConfigurationError: it is not installed, installed by two packages, or its import fails,
            whatever its module raises.
    """
    entry = _entry(name)
    try:
        found = _imported(entry)
    except ConfigurationError as exc:
        raise ConfigurationError(
            *(f"bundle {name!r} cannot be imported: {problem}" for problem in exc.problems)
        ) from exc
    except (Exception, SystemExit) as exc:  # a module may raise anything
        raise ConfigurationError(
            f"bundle {name!r} cannot be imported: {_reason(exc)}{_fix(entry, exc)}"
        ) from exc
    if not issubclass(class_of(found), Bundle):
        raise ConfigurationError(
            f"bundle {name!r} is {found!r} in {entry.value}, which is not a subclass of "
            f"rxkernel.Bundle"
        )
    if (own := getattr_static(found, "name", name)) != name:
        raise ConfigurationError(
            f"bundle {name!r} has name = {own!r} in {entry.value}; the name of the entry point "
            f"and of the class must be the same"
        )
    return found


def _imported(entry: "EntryPoint") -> Found:
    form = f"the entry point {entry.value!r} of the package {_package(entry)!r}"
    try:
        module, attribute = entry.module, entry.attr
    except AttributeError:  # the value does not have the form of an entry point
        module = attribute = ""
    if not attribute:
        raise ConfigurationError(f"{form} must be written as module:Class")
    found: Any = import_module(module)
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise ConfigurationError(f"module {module!r} has no {attribute!r}; correct {form}")
        found = getattr(found, part)
    loaded: Found = found
    return loaded


def _entry(name: str) -> "EntryPoint":
    entries = [entry for entry in _entry_points() if entry.name == name]
    if len(entries) == 1:
        return entries[0]
    if entries:
        packages = " and ".join(repr(_package(entry)) for entry in entries)
        raise ConfigurationError(
            f"bundle {name!r} is installed by the packages {packages}; uninstall one of them"
        )
    known = tuple(installed())
    near = nearest(name, known)
    hint = f"did you mean {near!r}?" if near else f"there is: {', '.join(known) or 'none'}"
    raise ConfigurationError(f"no bundle {name!r} is installed; {hint}")


def _package(entry: "EntryPoint") -> str:
    return entry.dist.name if entry.dist is not None else "unknown"


def _reason(exc: BaseException) -> str:
    text = str(exc)
    if isinstance(exc, ImportError) and text:
        return text
    return f"{type(exc).__name__}{': ' if text else ''}{text}{place_of(exc)}"


def _fix(entry: "EntryPoint", exc: BaseException) -> str:
    """What to do about *exc*, which the import of *entry* raised."""
    if not isinstance(exc, ImportError):
        return ""
    missing = exc.name or "" if isinstance(exc, ModuleNotFoundError) else ""
    if missing and f"{entry.module}.".startswith(f"{missing}."):
        return _shadowed() or (
            f"; correct the entry point {entry.value!r} of the package {_package(entry)!r}, or "
            f"install the package again"
        )
    top = missing.partition(".")[0]
    if top == entry.module.partition(".")[0]:
        return place_of(exc)
    extra = next((e for e in _extras(entry) if _plain(e) == _plain(entry.name)), None)
    if extra is not None:
        return f"; install what it needs: pip install '{_package(entry)}[{extra}]'"
    if top:
        return f"; install the package that contains {top!r}"
    return f"{place_of(exc)}; check the versions of its dependencies: pip check"


def _shadowed() -> str:
    """Whether a project's own ``bundles/__init__.py`` hides the installed bundles."""
    spec = find_spec("bundles")
    if spec is None or spec.origin is None:
        return ""
    return f"; {spec.origin} hides the installed bundles, delete that file"


def _extras(entry: "EntryPoint") -> Sequence[str]:
    return () if entry.dist is None else entry.dist.metadata.get_all("Provides-Extra") or ()


def _plain(name: str) -> str:
    """*name* as packaging compares names (PEP 685)."""
    return name.replace("_", "-").replace(".", "-").lower()
