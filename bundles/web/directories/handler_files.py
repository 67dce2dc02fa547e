"""The files of the tree as handlers, access rules and templates."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from math import inf
from types import ModuleType
from typing import Any

from bundles.autoload.endpoints.contract_fields import check_fields
from bundles.autoload.endpoints.fields import read_fields
from bundles.autoload.endpoints.functions import is_async, kind_of, line_in_file
from bundles.autoload.loading.module_file import is_own
from bundles.autoload.loading.source_file import SourceFile
from bundles.web.access.access_file import read_access_file
from bundles.web.directories.handler import Handler
from bundles.web.directories.handler_file_names import ACCESS, ERROR, STAGES, VERBS
from bundles.web.directories.handler_parameters import handler_parameters
from bundles.web.directories.meta_field import fields_of_meta
from bundles.web.directories.old_handlers import has_old_name, old_handler_of
from bundles.web.directories.unused_files import is_misspelled
from bundles.web.templates.template_file import SUFFIXES, template_of
from rxkernel import ConfigurationError, Transport, options_of

MIDDLEWARE = "middleware"
"""The name of a function that wraps the rest of a chain."""

BODY_LIMIT = "body_limit"
"""The field for the most bytes of a body, also of one with uploads."""

_OTHER_STAGE = ("timeout",)

_VERB = (
    BODY_LIMIT,
    "caption",
    "description",
    "parameters",
    "returns",
    "validate",
    "timeout",
    "queue",
    "deprecated",
    "errors",
    "example",
    "examples",
    "meta",
)
"""The fields of the file of a verb. ``meta`` is short for three of them."""

_CONTRACT = "contract."

_OF_JINJA = (".jinja2", ".j2")
"""Suffixes that other projects use for templates."""


def is_read(key: str) -> bool:
    """Whether the file *key* is a part of the tree, and not a static file. Files of Python that
    begin with ``_`` are neither. `value_of` rejects misspelled names of parts."""
    name = key.rpartition("/")[2]
    if name.endswith(".py"):
        return not name.startswith("_")
    suffixes = (*SUFFIXES, *_OF_JINJA)
    return name.casefold().endswith(suffixes) or has_old_name(key) or is_misspelled(name)


def value_of(file: SourceFile, module: ModuleType | None, path: str) -> Any:
    """Return the `Handler`, the `AccessFile`, the `TemplateFile` or the `OldHandler` in *file*;
    errors show it as *path*.

    Raises:
        ConfigurationError: every problem.
    """
    if file.key.casefold().endswith(_OF_JINJA):
        raise ConfigurationError(f"a template of Jinja ends with .jinja; write {file.stem}.jinja")
    if module is None:
        if has_old_name(file.key):
            return old_handler_of(file)
        _check_name(file.key.rpartition("/")[2])
        return template_of(file, path)
    if file.stem == ACCESS:
        return read_access_file(file, module)
    if file.stem not in STAGES:
        known = (*STAGES, ACCESS)
        near = get_close_matches(file.stem.lower(), known, n=1)
        hint = f"did you mean {near[0]}.py?" if near else f"a file is called {', '.join(known)}."
        raise ConfigurationError(
            f"{file.stem!r} is not a stage of a request; {hint} Put code for several handlers "
            f"into lib or domain, or begin the name of the file with _, so that it is not loaded"
        )
    return _handler(file, module)


def _check_name(name: str) -> None:
    meant = None
    if is_misspelled(name):
        meant = f"{name.partition('.')[0].lower()}.py"
    elif name.casefold().endswith(SUFFIXES) and not name.endswith(SUFFIXES):
        stem, _, suffix = name.rpartition(".")
        meant = f"{stem}.{suffix.lower()}"
    if meant is not None:
        raise ConfigurationError(f"is not read with this name; rename it to {meant}")


def _handler(file: SourceFile, module: ModuleType) -> Handler:
    stage = file.stem
    problems: list[str] = []
    allowed = _VERB if stage in VERBS else _OTHER_STAGE
    read = read_fields(file, module, allowed, known=_VERB)
    problems += read.problems
    problems += _other_stages(stage, module)
    try:
        name, function = _function_of(stage, module)
        return handler_of(
            stage,
            function,
            read.values,
            is_middleware=name == MIDDLEWARE,
            key=file.key,
            line=line_in_file(function, file.path),
            problems=problems,
        )
    except ConfigurationError as error:
        raise ConfigurationError(*dict.fromkeys((*problems, *error.problems))) from None


def handler_of(
    stage: str,
    function: Any,
    given: Mapping[str, Any],
    *,
    is_middleware: bool,
    key: str,
    line: int | None = None,
    place: str | None = None,
    problems: list[str] | None = None,
) -> Handler:
    """Return the handler with *function* and the fields *given*.

    Args:
        problems: problems that are known already, to be in the same error.

    Raises:
        ConfigurationError: every problem.
    """
    problems = [] if problems is None else problems
    parameters: Mapping[str, inspect.Parameter] = {}
    options = dict(options_of(function))
    fields = dict(given)
    try:
        first = ("request", "next") if is_middleware else ("client",)
        parameters = handler_parameters(function, first)
    except ConfigurationError as error:
        problems += error.problems
    if "access" in options:
        problems.append(
            "a decorator sets access, but the rules of a directory are in access.py; move them "
            "there, so that they apply to its files too"
        )
    if stage not in VERBS:
        problems += _problems_of_timeout(fields.get("timeout"))
    if is_middleware and stage not in ("request", *VERBS):
        problems.append(
            f"{MIDDLEWARE} wraps the rest of a chain, which {stage} does not have; write "
            f"async def {stage}(client)"
        )
    if stage == ERROR and parameters:
        problems.append(
            f"{ERROR} takes {', '.join(parameters)}, but it may run before services are passed; "
            f"get them with await client.request.get(…)"
        )
    problems += _take_contract(stage, options, fields)
    try:
        fields = fields_of_meta(fields)
    except ConfigurationError as error:
        problems += error.problems
        fields.pop("meta", None)
    if stage in VERBS:
        problems += _problems_of_contract(fields)
    if problems:
        raise ConfigurationError(*dict.fromkeys(problems))
    return Handler(
        stage, function, is_middleware, parameters, fields, options, key, line=line, place=place
    )


def _take_contract(stage: str, options: dict[str, Any], fields: dict[str, Any]) -> Iterator[str]:
    """Move the options of ``@contract`` from *options* to *fields*; yield their problems."""
    for option in tuple(options):
        name = str(option).removeprefix(_CONTRACT)
        if name == option:
            continue
        value = options.pop(option)
        if stage not in VERBS:
            yield f"@contract sets {name}, but a contract belongs to a verb, not to {stage}"
        elif name in fields:
            yield f"{name} is set in the file and by @contract; remove one of them"
        else:
            fields[name] = value


def _problems_of_contract(fields: Mapping[str, Any]) -> Iterator[str]:
    """Yield the problems of *fields* of a verb. Schemas are compiled later, with its routes, since
    they may refer to schemas of the application."""
    limit = fields.get(BODY_LIMIT)
    if limit is not None and (type(limit) is not int or limit < 1):
        yield f"{BODY_LIMIT} is {limit!r}; write a number of bytes, 1 or more"
    try:
        check_fields({n: v for n, v in fields.items() if n != BODY_LIMIT}, (Transport.HTTP,))
    except ConfigurationError as error:
        yield from error.problems


def _problems_of_timeout(seconds: Any) -> Iterator[str]:
    """Yield the problem of the timeout of a stage; the timeout of a verb belongs to its
    contract."""
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if seconds is not None and not (is_number and 0 < seconds < inf):
        yield f"timeout is {seconds!r}; write a number of seconds greater than 0"


def _other_stages(stage: str, module: ModuleType) -> Iterator[str]:
    """Yield the handlers of other stages in the file of *stage*, which would never be called."""
    for name, function in vars(module).items():
        if name in STAGES and name != stage and is_async(function):
            first = next(iter(inspect.signature(function).parameters), None)
            if first == "client" and is_own(function, module):
                yield (
                    f"defines {name}(client), which is not called here; move it to {name}.py, or "
                    f"rename it"
                )


def _function_of(stage: str, module: ModuleType) -> tuple[str, Callable[..., Any]]:
    names = vars(module)
    found = [name for name in ("method", MIDDLEWARE, stage) if name in names]
    if len(found) > 1:
        raise ConfigurationError(
            f"defines {' and '.join(found)}, but a file has one handler; remove one of them"
        )
    for name in found:
        function = names[name]
        if inspect.isasyncgenfunction(function):
            raise ConfigurationError(f"{name} yields; return StreamResponse(…) instead")
        if not is_async(function):
            raise ConfigurationError(
                f"{name} is {kind_of(function)}, not an async function; write async def {name}(…)"
            )
        return name, function
    raise ConfigurationError(
        f"does not define a handler; write async def {stage}(client), async def method(client), "
        f"or async def {MIDDLEWARE}(request, next)"
    )
