"""The place ``tasks``: files with the schedules of functions."""

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType, ModuleType
from typing import Any

import attrs

from bundles.autoload.endpoints.taken import Taken, taken_by
from bundles.autoload.loading.folder_marker import FOLDER
from bundles.autoload.loading.load import Load
from bundles.autoload.loading.module_file import main_names
from bundles.autoload.loading.name_rules import INIT
from bundles.autoload.loading.source_file import SourceFile
from bundles.autoload.loading.top_level_names import variables
from rxkernel import ConfigurationError

TIMES = ("every", "cron", "at")
"""The fields for times, of which one is required: the decorators of the bundle tasks."""

_PLAN = ("timezone", "jitter", "misfire")
_FIELDS = (*TIMES, *_PLAN, "run", "args")


@attrs.frozen(eq=False)
class TaskFile:
    """One file of ``tasks``.

    Attributes:
        method: the name of the task, with ``/`` for folders.
        kind: one of `TIMES`.
        times: the value of this field.
        options: further fields of the schedule.
        function: the function that runs.
        args: its arguments, in addition to the parameters that the kernel provides.
    """

    file: SourceFile
    method: str
    kind: str
    times: Any
    options: Mapping[str, Any]
    function: Callable[..., Any]
    args: Mapping[str, Any]
    taken: Taken


def task_of(file: SourceFile, module: ModuleType | None, load: Load) -> Any:
    """Return the `TaskFile` of *file*.

    Raises:
        ConfigurationError: lists every error.
    """
    if module is None or file.stem == INIT:
        return module
    names = vars(module)
    problems = [
        f"{name!r} is not a field; the fields are {', '.join(_FIELDS)}. Other variables "
        f"have names that begin with _"
        for name in variables(file, module)
        if name not in (*_FIELDS, "method", "requires")
    ]
    kinds = [kind for kind in TIMES if kind in names]
    if len(kinds) != 1:
        problems.append(
            f"has {' and '.join(kinds) or 'no time'}; write one of every = '30m', "
            f"cron = '0 3 * * *' and at = '2026-12-24 18:00'"
        )
    args = names.get("args", {})
    if not isinstance(args, Mapping) or not all(isinstance(key, str) for key in args):
        problems.append("args must be a mapping, with the names of parameters: {'days': 30}")
        args = {}
    try:
        function = _function_of(file, names, load)
        taken = _checked(function, args)
    except ConfigurationError as error:
        raise ConfigurationError(*problems, *error.problems) from None
    if problems:
        raise ConfigurationError(*problems)
    return TaskFile(
        file,
        "/".join(file.name[1:]),
        kinds[0],
        names[kinds[0]],
        MappingProxyType({name: names[name] for name in _PLAN if name in names}),
        function,
        MappingProxyType(dict(args)),
        taken,
    )


def _function_of(file: SourceFile, names: Mapping[str, Any], load: Load) -> Callable[..., Any]:
    """Return the function of the file, or the function that ``run`` names."""
    found = (names[name] for name in main_names(file) if name in names and name not in _FIELDS)
    method, run = next(found, None), names.get("run")
    if (method is None) == (run is None):
        raise ConfigurationError(
            "has run and method; remove one of them"
            if method is not None
            else "has nothing to run; write run = 'lib.reports.clean', or async def method()"
        )
    function = method
    if run is not None:
        if not isinstance(run, str) or "." not in run:
            raise ConfigurationError(f"run is {run!r}; write the name of a function: 'lib.clean'")
        function = _named(run, load)
    if not inspect.isroutine(function):
        what = f"of the type {type(function).__name__}, not a function"
        raise ConfigurationError(
            f"method is {what}" if run is None else f"run is {run!r}, which is {what}"
        )
    checked: Callable[..., Any] = function
    return checked


def _named(run: str, load: Load) -> Any:
    """Return the value of *run*, such as ``lib.reports.clean``: a file, or a name in a module."""
    place, *parts = run.split(".")
    name: tuple[str, ...] = (place,)
    found: Any = FOLDER
    try:
        for part in parts:
            if found is FOLDER:
                name = (*name, part)
                found = load.read(name)
            else:
                found = getattr(found, part)
    except (AttributeError, KeyError) as exc:
        raise ConfigurationError(f"run is {run!r}, which does not exist: {exc}") from None
    return found


def _checked(function: Callable[..., Any], args: Mapping[str, Any]) -> Taken:
    """Return the parameters of *function*, after a check that *args* are valid."""
    taken = taken_by(function)
    name = getattr(function, "__name__", "method")
    missing = [name for name in taken.required if name not in args]
    unknown = [name for name in args if name not in taken.arguments and taken.rest is None]
    if missing:
        raise ConfigurationError(
            f"{name} needs {', '.join(missing)}; write args = {{'{missing[0]}': …}}"
        )
    if unknown:
        raise ConfigurationError(f"args has {', '.join(unknown)}, which {name} does not take")
    return taken
