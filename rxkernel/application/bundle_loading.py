"""Imports a bundle by its name, and explains errors of the import."""

import traceback
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from inspect import getattr_static
from typing import TYPE_CHECKING, Any

from rxkernel.application.bundle import Bundle
from rxkernel.application.bundle_rules import BundleOrClass, class_of
from rxkernel.application.entry_points import (
    GROUP,
    entries,
    entry_of,
    extra_of,
    installed,
    package_of,
)
from rxkernel.application.injection_errors import shown
from rxkernel.exception_text import place_of, summary_of, text_of
from rxkernel.exceptions import ConfigurationError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def load(name: str, among: "Sequence[EntryPoint] | None" = None) -> BundleOrClass:
    """Import the installed bundle *name*. *among* are the entry points of all bundles, if the
    caller has them: reading them takes milliseconds.

    Raises:
        ConfigurationError: it is not installed, it is installed by two packages, or its import
            fails with any exception.
    """
    entry = entry_of(name, entries(GROUP) if among is None else among)
    try:
        found = _imported(entry)
    except ConfigurationError as exc:
        raise ConfigurationError(
            *(f"bundle {name!r} cannot be imported: {problem}" for problem in exc.problems)
        ) from exc
    except KeyboardInterrupt:
        raise
    except BaseException as exc:  # a module may raise anything
        error = ConfigurationError(
            f"bundle {name!r} cannot be imported: {_reason(exc)}{_fix(entry, exc)}"
        )
        if _lacks_extra(entry, exc):
            raise error from None
        raise error from exc
    if not issubclass(class_of(found), Bundle):
        raise ConfigurationError(
            f"bundle {name!r} is {shown(found)} in {entry.value}, which is not a subclass of "
            f"rxkernel.Bundle"
        )
    if (own := getattr_static(found, "name", name)) != name:
        raise ConfigurationError(
            f"bundle {name!r} has name = {own!r} in {entry.value}; the name of the entry point "
            f"and of the class must be the same"
        )
    return found


def _imported(entry: "EntryPoint") -> BundleOrClass:
    form = f"the entry point {entry.value!r} of the package {package_of(entry)!r}"
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
    loaded: BundleOrClass = found
    return loaded


def missing_extra(exc: ModuleNotFoundError) -> str | None:
    """Return how to install the module that an installed bundle could not import with *exc*; None
    if another module imports it."""
    frames = [frame for frame, _ in traceback.walk_tb(exc.__traceback__)]
    names = [f"{frame.f_globals.get('__name__')}." for frame in frames]
    for entry in installed().values():
        is_inside = any(name.startswith(f"{entry.module}.") for name in names)
        if is_inside and (extra := extra_of(entry)) is not None:
            return _install(entry, extra)
    return None


def _reason(exc: BaseException) -> str:
    if isinstance(exc, ImportError) and (text := text_of(exc)):
        return text
    return f"{summary_of(exc)}{place_of(exc)}"


def _lacks_extra(entry: "EntryPoint", exc: BaseException) -> bool:
    """Whether the extra of the bundle is missing. The error reports it, so the traceback of the
    import is not needed."""
    if not isinstance(exc, ModuleNotFoundError) or extra_of(entry) is None:
        return False
    return (exc.name or "").partition(".")[0] != entry.module.partition(".")[0]


def _fix(entry: "EntryPoint", exc: BaseException) -> str:
    """Return the fix for *exc*, which the import of *entry* raised."""
    if not isinstance(exc, ImportError):
        return ""
    missing = exc.name or "" if isinstance(exc, ModuleNotFoundError) else ""
    if missing and f"{entry.module}.".startswith(f"{missing}."):
        return _shadowed() or (
            f"; correct the entry point {entry.value!r} of the package {package_of(entry)!r}, or "
            f"install the package again"
        )
    top = missing.partition(".")[0]
    if top == entry.module.partition(".")[0]:
        return place_of(exc)
    if (extra := extra_of(entry)) is not None:
        return f"; {_install(entry, extra)}"
    if top:
        return f"; install the package that contains {top!r}"
    return f"{place_of(exc)}; check the versions of its dependencies: pip check"


def _install(entry: "EntryPoint", extra: str) -> str:
    if (package := package_of(entry)) == "rxkernel":  # is not on PyPI
        return f"install its dependencies, in the clone of rxkernel: pip install '.[{extra}]'"
    return f"install its dependencies: pip install '{package}[{extra}]'"


def _shadowed() -> str:
    """The fix if ``bundles/__init__.py`` of a project hides the installed bundles, else empty."""
    spec = find_spec("bundles")
    if spec is None or spec.origin is None:
        return ""
    return f"; {spec.origin} hides the installed bundles: rename or delete it"
