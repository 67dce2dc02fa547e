"""The functions ``start``, ``stop`` and ``migrate`` of files."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from functools import partial
from types import ModuleType
from typing import Any

import attrs

from bundles.autoload.loading.file_errors import line_of, line_of_coroutine
from bundles.autoload.loading.load_thread import run_in_thread
from bundles.autoload.loading.module_file import ModuleFile, is_own
from bundles.autoload.loading.name_rules import Name
from bundles.autoload.loading.place_names import CODE_PLACES
from bundles.autoload.loading.tree import Tree

logger = logging.getLogger(__name__)

_PARAMETERS = {"start": 0, "stop": 0, "migrate": 1}

_FORMS = {
    "start": "async def start()",
    "stop": "async def stop()",
    "migrate": "def migrate(old)",
}

_FILES = ("start", "stop")
"""Hooks that may be separate files. ``migrate.py`` is an ordinary function."""

_GRACE = 1.0
"""Seconds for the ``finally`` blocks of a cancelled hook."""


class HookFailedError(Exception):
    """A hook raised an exception or did not end; the message has its path and line."""


@attrs.frozen(eq=False)
class Hook:
    """One hook: a function of a file."""

    name: str
    function: Callable[..., Any]
    file: ModuleFile


@attrs.frozen(eq=False)
class HookUnit:
    """Hooks that belong together: those of a file; for ``start.py``, also ``stop.py`` of the same
    folder."""

    file: ModuleFile
    start: Hook | None
    stop: Hook | None
    migrate: Hook | None

    @property
    def key(self) -> str:
        return self.file.key

    @property
    def folder(self) -> Name:
        return self.file.name[:-1]

    @property
    def is_of_folder(self) -> bool:
        """Whether this is a ``stop.py`` without a ``start.py``. It is for the other files of the
        folder, so it is not called when it is replaced."""
        return self.file.source.stem == "stop"


def units_of(files: Mapping[str, ModuleFile]) -> list[HookUnit]:
    """Return the hooks of *files* in the order of their start."""
    units = [_unit_of(file, files) for file in files.values() if _has_unit(file, files)]
    units = [unit for unit in units if unit.start or unit.stop or unit.migrate]
    return sorted(units, key=lambda unit: CODE_PLACES.index(unit.file.source.place))


def problems_of_hooks(files: Iterable[ModuleFile], tree: Tree) -> Iterator[str]:
    """Yield the errors in the hooks of *files*."""
    for file in files:
        if file.source.place not in CODE_PLACES:
            continue
        for name, count in _PARAMETERS.items():
            hook = _hook_of(file, name)
            if hook is None:
                if file.source.stem == name and name in _FILES:
                    yield f"{tree.show(file.key)}: defines no hook; write {_FORMS[name]}"
                continue
            place = tree.show(file.key, _first_line(hook))
            if not _takes(hook.function, count):
                yield (
                    f"{place}: {name} has other parameters than a hook; write {_FORMS[name]}, or "
                    f"choose another name"
                )
            elif name == "migrate" and (local := _hidden_variables(hook)):
                yield (
                    f"{place}: migrate assigns {', '.join(local)} as local, so the variables of "
                    f"the file stay as they are; write global {', '.join(local)}, or choose other "
                    f"names"
                )


async def call_hook(hook: Hook, tree: Tree, timeout: float | None, *arguments: Any) -> None:
    """Call *hook*; a plain function is called in a thread.

    Args:
        timeout: seconds; None: no limit.

    Raises:
        HookFailedError: it raised an exception, or has not ended after *timeout* seconds.
    """
    task = asyncio.create_task(_guarded(hook, arguments))
    try:
        await asyncio.wait({task}, timeout=timeout)
        if task.done():
            failure = task.result()
            if failure is None:
                return
            raise HookFailedError(_raised(hook, failure, tree)) from failure
        place = tree.show(hook.file.key, line_of_coroutine(task.get_coro(), hook.file.source))
        raise HookFailedError(
            f"{place}: {hook.name}() has not ended after {timeout:g} s "
            f"(autoload.{'stop' if hook.name == 'stop' else 'start'}_timeout)"
        )
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_GRACE)


async def call_migrate(hook: Hook, tree: Tree, timeout: float, old: ModuleType) -> None:
    """Call *hook*, a ``migrate``. A plain function is called in the event loop, without an
    ``await`` before the next step of the caller.

    Raises:
        HookFailedError: see `call_hook`; a plain function has no timeout.
    """
    if inspect.iscoroutinefunction(hook.function):
        await call_hook(hook, tree, timeout, old)
        return
    try:
        result = hook.function(old)
    except BaseException as exc:  # files may raise anything
        raise HookFailedError(_raised(hook, exc, tree)) from exc
    if inspect.isawaitable(result):
        await call_hook(attrs.evolve(hook, function=_awaiting(result)), tree, timeout)


async def stop_units(units: Iterable[HookUnit], tree: Tree, timeout: float) -> None:
    """Call the stop hooks of *units*, in this order. Errors are logged."""
    for unit in units:
        if unit.stop is not None:
            try:
                await call_hook(unit.stop, tree, timeout)
            except HookFailedError as exc:
                logger.error("%s", exc, exc_info=exc.__cause__)


def _raised(hook: Hook, failure: BaseException, tree: Tree) -> str:
    place = tree.show(hook.file.key, line_of(failure, hook.file.source))
    return f"{place}: {hook.name}() raised {type(failure).__name__}: {failure}"


def _awaiting(result: Awaitable[Any]) -> Callable[[], Awaitable[Any]]:
    async def wait() -> Any:
        return await result

    return wait


async def _guarded(hook: Hook, arguments: tuple[Any, ...]) -> BaseException | None:
    """Call the hook, and return its exception: a SystemExit that a task raises would end the
    loop."""
    try:
        if inspect.iscoroutinefunction(hook.function):
            await hook.function(*arguments)
        else:
            result = await run_in_thread(partial(hook.function, *arguments))
            if inspect.isawaitable(result):
                await result
    except asyncio.CancelledError as exc:
        current = asyncio.current_task()
        if current is not None and current.cancelling():
            raise
        return exc
    except BaseException as exc:  # noqa: BLE001 - files may raise anything
        return exc
    return None


def _has_unit(file: ModuleFile, files: Mapping[str, ModuleFile]) -> bool:
    if file.source.place not in CODE_PLACES:
        return False
    return not (file.source.stem == "stop" and _sibling(file, "start") in files)


def _unit_of(file: ModuleFile, files: Mapping[str, ModuleFile]) -> HookUnit:
    stop = _hook_of(file, "stop")
    if stop is None and file.source.stem == "start":
        other = files.get(_sibling(file, "stop"))
        stop = None if other is None else _hook_of(other, "stop")
    return HookUnit(file, _hook_of(file, "start"), stop, _hook_of(file, "migrate"))


def _sibling(file: ModuleFile, stem: str) -> str:
    return f"{file.key.rpartition('/')[0]}/{stem}.py"


def _hook_of(file: ModuleFile, name: str) -> Hook | None:
    """Return the hook *name* of the file: a function that it defines itself, or the function of
    ``start.py`` or ``stop.py``; None if neither exists."""
    if file.module is None:
        return None
    if file.source.stem == name:
        is_hook = name in _FILES and callable(file.value)
        return Hook(name, file.value, file) if is_hook else None
    function = file.module.__dict__.get(name)
    if is_own(function, file.module) and inspect.isroutine(function):
        return Hook(name, function, file)
    return None


def _takes(function: Callable[..., Any], count: int) -> bool:
    try:
        inspect.signature(function).bind(*(None,) * count)
    except TypeError:
        return False
    return True


def _first_line(hook: Hook) -> int | None:
    line: int | None = getattr(getattr(hook.function, "__code__", None), "co_firstlineno", None)
    return line


def _hidden_variables(hook: Hook) -> list[str]:
    """Return the variables of the file for which the function assigns a local variable instead."""
    code, module = getattr(hook.function, "__code__", None), hook.file.module
    if code is None or module is None:
        return []
    local = {*code.co_varnames, *code.co_cellvars} - {*code.co_varnames[: code.co_argcount]}
    names = vars(module)
    return sorted(n for n in local if n in names and not isinstance(names[n], ModuleType))
