"""Converts the files of ``api`` to endpoints."""

import inspect
import logging
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from types import ModuleType, UnionType
from typing import Any, get_args, get_origin

from bundles.autoload.endpoints.access import Access, read_access
from bundles.autoload.endpoints.endpoint import Endpoint, Hook, UnitMethods
from bundles.autoload.endpoints.fields import (
    ENDPOINT,
    HOOK,
    SHARED,
    fields_of_folder,
    read_fields,
    times_of,
)
from bundles.autoload.endpoints.functions import is_async, kind_of
from bundles.autoload.endpoints.router import check_hook
from bundles.autoload.endpoints.taken import Taken, taken_by
from bundles.autoload.loading.load import Load
from bundles.autoload.loading.long_times import too_long
from bundles.autoload.loading.module_file import is_own, main_names
from bundles.autoload.loading.name_rules import INIT, is_private
from bundles.autoload.loading.source_file import SourceFile
from bundles.autoload.loading.top_level_names import assigned_lines
from rxkernel import ConfigurationError, options_of

logger = logging.getLogger(__name__)

ROUTER = "router"
"""The name of the file of a unit that is a `Hook`."""

_PROVIDED: Mapping[str, str] = {
    "context": "context: Context",
    "request": "request: Request",
    "connection": "connection: Connection | None",
    "session": "session: CurrentSession",
    "user": "user: CurrentUser[…]",
    "client": "context: Context and read context.client",
    "state": "context: Context and read context.state",
}
"""The correct parameter, by usual names of parameters that clients do not send."""

_ANYTHING = (Any, object, dict, Mapping, MutableMapping)
"""Types that do not specify the value that a client must send."""

_CONTRACT = "contract."
_NOT_CONTRACT = ("access", "safe")


def value_of(file: SourceFile, module: ModuleType | None, load: Load) -> Any:
    """Return the `Endpoint` or the `Hook` of *file*, or the `UnitMethods` of a unit with one file.

    Raises:
        ConfigurationError: lists every error.
    """
    if module is None:
        return None
    if file.stem == INIT:
        if problems := [*fields_of_folder(file, module)]:
            raise ConfigurationError(*problems)
        return module
    reading = _Reading(file, module, load)
    if len(file.name) == 2:
        value: Any = reading.unit()
    elif file.stem == ROUTER:
        value = reading.hook()
    else:
        value = reading.endpoint()
    if reading.problems:
        raise ConfigurationError(*reading.problems)
    return value


class _Reading:
    """Reads one file; `problems` has all its errors."""

    def __init__(self, file: SourceFile, module: ModuleType, load: Load) -> None:
        self.problems: list[str] = []
        self._file = file
        self._module = module
        self._load = load

    def endpoint(self) -> Endpoint | None:
        """Return the endpoint of a file with one endpoint."""
        fields = self._fields(ENDPOINT)
        function = self._function()
        return None if function is None else self._endpoint(self._file.stem, function, fields)

    def unit(self) -> UnitMethods:
        """Return the public ``async def`` functions of a unit with one file."""
        shared = self._fields(SHARED)
        functions = dict(self._own_functions())
        if not functions:
            self.problems.append("defines no public async function; write async def method(…)")
        found = {n: self._endpoint(n, f, shared) for n, f in functions.items()}
        if functions and not self.problems:
            place = self._load.tree.show(self._file.key)
            logger.info("%s has the methods %s", place, ", ".join(functions))
        return UnitMethods({name: each for name, each in found.items() if each is not None})

    def hook(self) -> Hook | None:
        """Return the hook for all requests below the path of the unit."""
        fields = self._fields(HOOK)
        function = self._function()
        if function is None:
            return None
        read = self._read(function, fields)
        if read is None:
            return None
        taken, access, contract, options = read
        self.problems += check_hook(_name_of(function), taken)
        return Hook(self._file, function, taken, access, contract, options)

    def _fields(self, allowed: tuple[str, ...]) -> Mapping[str, Any]:
        found = read_fields(self._file, self._module, allowed)
        self.problems += found.problems
        return found.values

    def _function(self) -> Callable[..., Any] | None:
        names = vars(self._module)
        for name in main_names(self._file):
            if name in names:
                return self._checked(name, names[name])
        self.problems.append(
            f"defines no endpoint; write async def method(…), or async def {self._file.stem}(…)"
        )
        return None

    def _checked(self, name: str, function: Any) -> Callable[..., Any] | None:
        if inspect.isasyncgenfunction(function):
            self.problems.append(f"{name} yields; return StreamResponse(…) instead")
            return None
        if not is_async(function):
            self.problems.append(
                f"{name} is {kind_of(function)}, not an async function; write async def {name}(…)"
            )
            return None
        checked: Callable[..., Any] = function
        return checked

    def _own_functions(self) -> Iterator[tuple[str, Callable[..., Any]]]:
        """Yield the async functions that the file defines. Another function that it assigns is an
        error, since it looks like an endpoint."""
        lines = assigned_lines(self._file)
        for name, value in vars(self._module).items():
            is_defined = is_own(value, self._module)
            if is_private(name) or inspect.isclass(value) or not (is_defined or name in lines):
                continue
            if is_defined and inspect.isasyncgenfunction(value):
                self.problems.append(f"{name} yields; return StreamResponse(…) instead")
            elif is_async(value) and is_defined and getattr(value, "__name__", None) == name:
                yield name, value
            elif is_async(value):
                self.problems.append(
                    f"{name} is not the function of async def {name}; use functools.wraps in its "
                    f"decorator, or begin the name of a helper with _"
                )

    def _endpoint(
        self, name: str, function: Callable[..., Any], fields: Mapping[str, Any]
    ) -> Endpoint | None:
        read = self._read(function, fields)
        if read is None:
            return None
        taken, access, contract, options = read
        is_safe = fields.get("safe", False)
        if not isinstance(is_safe, bool):
            self.problems.append(f"safe is {is_safe!r}; write True, and GET serves it too")
        self._check_types(_name_of(function), taken, contract)
        if any(_refers(contract.get(key)) for key in ("parameters", "returns")):
            self._load.watch(("schemas",))
        return Endpoint(
            self._file, name, function, taken, access, contract, is_safe is True, options
        )

    def _read(
        self, function: Callable[..., Any], fields: Mapping[str, Any]
    ) -> tuple[Taken, Access, dict[str, Any], dict[str, Any]] | None:
        """Return the parameters of *function*, its access, the fields of its contract, and the
        options that other decorators have set; None if it cannot be read."""
        options = dict(options_of(function))
        given = {**fields, **self._labels(options, fields)}
        try:
            taken = taken_by(function)
            access = read_access(given.get("access"))
        except ConfigurationError as error:
            self.problems += error.problems
            return None
        for warning in too_long(times_of(given)):
            logger.warning("%s: %s", self._load.tree.show(self._file.key), warning)
        contract = {key: value for key, value in given.items() if key not in _NOT_CONTRACT}
        return taken, access, contract, options

    def _labels(self, options: dict[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
        """Remove the fields that @contract and @access have set from *options*, and return
        them."""
        found: dict[str, Any] = {}
        for key in tuple(options):
            name = str(key).removeprefix(_CONTRACT)
            if key == "access" or name != key:
                found[name] = options.pop(key)
        if len(self._file.name) == 3:  # in a unit with one file, a method may override its fields
            self.problems += (
                f"{name} is set in the file and by a decorator; remove one of them"
                for name in found
                if name in fields
            )
        return found

    def _check_types(self, name: str, taken: Taken, contract: Mapping[str, Any]) -> None:
        has_schema = contract.get("parameters") is not None
        untyped = [n for n, p in taken.arguments.items() if p.annotation is p.empty]
        if not has_schema:
            vague = [n for n in taken.arguments if n in _PROVIDED and _is_vague(taken, n)]
            self.problems += (
                f"{name} takes {each!r} {'without a type' if each in untyped else 'of any type'}, "
                f"so that clients would send it; write {_PROVIDED[each]}, or parameters = "
                f"{{'{each}': …}} if they do"
                for each in vague
            )
            untyped = [each for each in untyped if each not in vague]
        if has_schema and taken.is_typed:
            self.problems.append(
                f"{name} has parameters and a typed signature; remove one of them"
            )
        elif taken.is_typed and untyped:
            self.problems.append(
                f"{name} has no type for {', '.join(untyped)}; add it, or write parameters = {{…}}"
            )
        if not has_schema and taken.rest is not None and taken.arguments:
            self.problems.append(
                f"{name} takes **{taken.rest}; write parameters = {{…}}, or name each argument"
            )
        if contract.get("returns") is not None and taken.returns is not Any:
            self.problems.append(f"{name} has returns and a return annotation; remove one of them")


def _is_vague(taken: Taken, name: str) -> bool:
    """Whether the type of an argument does not specify the value that a client must send."""
    annotation = taken.arguments[name].annotation
    members = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    return any(
        each is inspect.Parameter.empty
        or each in _ANYTHING
        or (get_origin(each) in _ANYTHING and get_args(each)[-1] in _ANYTHING)
        for each in members
    )


def _name_of(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", "method")


def _refers(notation: Any) -> bool:
    """Whether *notation* may name a schema."""
    if isinstance(notation, str):
        return notation.removeprefix("?")[:1].isupper()
    if isinstance(notation, Mapping):
        return any(map(_refers, notation.values()))
    return isinstance(notation, list | tuple) and any(map(_refers, notation))
