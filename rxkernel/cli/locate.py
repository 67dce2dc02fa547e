"""Finds the application of a target, ``module:attribute`` or a folder."""

import builtins
import inspect
import os
import sys
import traceback
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

import click

from rxkernel.application.application import Application
from rxkernel.application.bundle_loading import missing_extra
from rxkernel.cli.options import is_debugging
from rxkernel.cli.project_folders import (
    application_in,
    factory_for,
    factory_in,
    folders,
    is_application,
    project_of,
)
from rxkernel.exception_text import place_of, summary_of, text_of
from rxkernel.exceptions import ConfigurationError
from rxkernel.kernel.garbage_collection import paused_collection

DEFAULT = "app"
_OBJECT, _FACTORY = "application", "create_application"


class TargetMissingError(ConfigurationError):
    """The module of the application does not exist."""


@paused_collection()
def locate(target: str | None) -> Application:
    """Find *target*; the current directory is searched first.

    A *target* with a ``/`` is a folder from which a bundle creates an application, see
    `factory_in`, or the folder of a project, see `application_in`. The default is the module
    ``app``. If it does not exist, a bundle creates the application from a folder in the current
    directory, see `factory_for`. ``()`` after the name of a function is ignored.

    Raises:
        TargetMissingError: the module does not exist.
        ConfigurationError: the module cannot be imported, does not have the attribute, or the
            attribute is neither an application nor a function without parameters that returns one.
    """
    if target is not None and "/" in target:
        return _of_folder(Path(target))
    name, colon, attribute = (DEFAULT if target is None else target).partition(":")
    attribute, is_call = attribute.removesuffix("()"), attribute.endswith("()")
    is_path = name.endswith(".py") or not all(part.isidentifier() for part in name.split("."))
    is_name = not attribute or all(part.isidentifier() for part in attribute.split("."))
    if is_path or not is_name or (colon and not attribute):
        raise ConfigurationError(
            f"invalid application {target!r}; "
            + (
                _hint_for_folder(name)
                or f"use module:attribute, such as {DEFAULT}:{_OBJECT}, with dots as in an "
                f"import, or module:function()"
            )
        )
    if target is None and (factory := _default_factory()) is not None:
        return locate(factory)
    module = _import(name, is_default=target is None)
    place, found = _find(module, attribute)
    if is_call and isinstance(found, Application):
        raise ConfigurationError(f"{place} is an Application, not a function; remove the ()")
    return _application(place, found)


def name_of(target: str | None) -> str:
    """The name of the application *target*: its module, or the last part of its folder (of its
    project, if the folder is ``application``)."""
    if target is not None and "/" in target:
        return project_of(Path(target)).name
    return (target or DEFAULT).partition(":")[0]


def _of_folder(folder: Path) -> Application:
    if not folder.is_dir():
        raise ConfigurationError(
            f"{folder} is not a folder; correct the path, or use module:attribute"
        )
    folder = _application_in(folder)
    place = factory_in(folder)
    name, _, attribute = place.partition(":")
    place, factory = _find(_import(name, is_default=False), attribute)
    return _application(place, factory, folder)


def _application_in(folder: Path) -> Path:
    """The folder of the application in *folder*.

    Raises:
        ConfigurationError: *folder* is a project that creates its application itself.
    """
    found = application_in(folder)
    if found is None or found == folder or not _has_module(folder):
        return folder if found is None else found
    parts = (*folder.parts, DEFAULT)
    is_import = all(part.isidentifier() for part in parts)
    as_module = f", such as {'.'.join(parts)}" if is_import else " that can be imported"
    raise ConfigurationError(
        f"{folder} has a module {DEFAULT}, which creates its application; pass it as a module"
        f"{as_module}"
    )


def _has_module(folder: Path) -> bool:
    own = PathFinder.find_spec(DEFAULT, [str(folder.resolve())])
    return own is not None and own.has_location  # false for a folder without __init__.py


def _default_factory() -> str | None:
    """Return the target for a folder of the current directory, unless it has a module ``app``."""
    return None if _has_module(Path(_search_here_first())) else factory_for(Path.cwd())


def _search_here_first() -> str:
    here = os.getcwd()
    if sys.path[:1] != [here]:
        # The path of the console script does not have it, or PYTHONPATH has it further down.
        sys.path.insert(0, here)
    return here


def _import(name: str, *, is_default: bool) -> ModuleType:
    here = _search_here_first()
    try:
        return import_module(name)
    except ConfigurationError as error:
        place = place_of(error, of_caller=True)
        raise ConfigurationError(*(f"{problem}{place}" for problem in error.problems)) from error
    except ModuleNotFoundError as exc:
        if exc.name is not None and f"{name}.".startswith(f"{exc.name}."):
            raise TargetMissingError(_explain_missing(name, here, is_default)) from exc
        raise _broken(f"{name} cannot be imported", exc) from exc
    except Exception as exc:
        raise _broken(f"{name} cannot be imported", exc) from exc


def _explain_missing(name: str, here: str, is_default: bool) -> str:
    if is_default:
        return (
            f"no application given, and {_not_found(name)} in {here}; pass the "
            f"application as module:attribute, or create a project: "
            "python -m rxkernel new DIRECTORY"
        )
    return (
        f"module {name!r} not found, neither in {here} nor installed; run this in the directory "
        f"of the project, or correct the name"
    )


def _not_found(name: str) -> str:
    """Name the module and the folders that were searched."""
    if found := [f"folder {folder!r}" for folder in folders()]:
        return f"found neither module {name!r} nor {' nor '.join(found)}"
    return f"module {name!r} not found"


def _broken(what: str, exc: Exception) -> ConfigurationError:
    """The error for *exc*, which code of the user has raised; its message begins with *what*."""
    context = click.get_current_context(silent=True)
    is_shown = context is not None and is_debugging(context)
    more = "" if is_shown else ", --debug shows the traceback"
    return ConfigurationError(
        f"{what}: {summary_of(exc)}{place_of(exc)}; {_hint(exc) or 'fix this error'}{more}"
    )


def _hint(exc: Exception) -> str | None:
    """The fix for two causes that the exception does not name: a missing extra of a bundle, and
    a method that shadows a type in the rest of its class body."""
    if isinstance(exc, ModuleNotFoundError):
        return missing_extra(exc)
    if not isinstance(exc, TypeError) or exc.__traceback__ is None:
        return None
    *_, (frame, _) = traceback.walk_tb(exc.__traceback__)
    for name, value in frame.f_locals.items():
        is_type = isinstance(getattr(builtins, name, None), type)
        if is_type and inspect.isfunction(value) and "function" in text_of(exc):
            return f"the method {name!r} hides the type {name!r} in its class; rename the method"
    return None


def _find(module: ModuleType, attribute: str) -> tuple[str, object]:
    """Return the object, and its name for messages."""
    names = [attribute] if attribute else [_OBJECT, _FACTORY]
    for name in names:
        found: object = module
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is not None:
            return f"{module.__name__}:{name}", found
    raise ConfigurationError(
        f"module {module.__name__!r} has no {' or '.join(names)}; "
        f"{_hint_for_name(module, attribute)}"
    )


def _hint_for_folder(name: str) -> str | None:
    """The fix, if *name* is a folder from which a bundle creates an application."""
    parts = name.split(".")
    dotted = "/".join(parts) if all(parts) else ""
    for path in filter(None, (name, dotted)):
        if is_application(Path(path)):
            shown = f"./{path}" if all(parts) else f"{path}/"
            return f"write {shown}, with a /, for the folder"
    return None


def _hint_for_name(module: ModuleType, attribute: str) -> str:
    """The fix: the name of an application in the module, or else a general one."""
    held = [name for name, value in vars(module).items() if isinstance(value, Application)]
    if callable(getattr(module, _FACTORY, None)):
        held.append(_FACTORY)
    if held:
        return f"did you mean {' or '.join(f'{module.__name__}:{name}' for name in held)}?"
    if (hint := _hint_for_folder(module.__name__)) is not None:
        return hint
    return "correct the name" if attribute else f"name the attribute: {module.__name__}:attribute"


def _application(place: str, found: object, *arguments: object) -> Application:
    if isinstance(found, Application):
        return found
    made = _made_by(place, found, *arguments) if callable(found) else found
    if isinstance(made, Application):
        return made
    what = "returned" if callable(found) else "is"
    if inspect.iscoroutine(made):
        made.close()
        raise ConfigurationError(
            f"{place} is async; make it a plain def, and await in a listener of "
            f"application.bootstrap"
        )
    raise ConfigurationError(
        f"{place} {what} {type(made).__qualname__}, not an Application; name an Application "
        f"or a function that returns one"
    )


def _made_by(place: str, factory: object, *arguments: object) -> object:
    assert callable(factory)
    try:
        inspect.signature(factory).bind(*arguments)
    except (TypeError, ValueError) as exc:
        raise ConfigurationError(f"{place} needs arguments ({exc}); give it defaults") from exc
    try:
        return factory(*arguments)
    except ConfigurationError:
        raise
    except Exception as exc:
        raise _broken(f"{place}() failed", exc) from exc
