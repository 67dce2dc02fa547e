"""The fields of an endpoint, as variables of its file."""

import inspect
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from types import ModuleType
from typing import Any

import attrs

from bundles.autoload.loading.module_file import is_own
from bundles.autoload.loading.name_rules import is_private
from bundles.autoload.loading.source_file import SourceFile
from bundles.autoload.loading.top_level_names import assigned_lines, is_variable
from bundles.contracts import Queue

SHARED = ("access", "timeout", "queue", "deprecated", "errors", "transports")
"""Fields that may apply to all methods of a file."""

HOOK = ("access", "caption", "description", "returns", *SHARED[1:-1])
"""The fields of ``router.py``."""

ENDPOINT = (
    *SHARED,
    "caption",
    "description",
    "parameters",
    "returns",
    "validate",
    "example",
    "examples",
    "safe",
)
"""The fields of a file with one endpoint."""

_NOT_FIELDS = ("requires", "method")
_RENAMED: Mapping[str, str] = {
    "protocols": "write transports = ('HTTP',) or ('SOCKET',)",
    "serializer": "results are encoded as those of every action; remove it",
    "serialize": "results are encoded as those of every action; remove it",
    "plugin": "units of plugins do not exist; write a file for each method",
}


@attrs.frozen
class Fields:
    """The values of the fields of a file, and the errors in its variables."""

    values: Mapping[str, Any]
    problems: tuple[str, ...]


def read_fields(
    file: SourceFile,
    module: ModuleType,
    allowed: Collection[str],
    known: Collection[str] = ENDPOINT,
) -> Fields:
    """Return the fields of *allowed* that *module* has.

    A public lowercase variable must be one of them. Functions, classes, uppercase constants and
    imported names are not fields, unless the name of a function or a constant is similar to one.

    Args:
        known: the fields of all kinds of files, for hints.
    """
    names = {name: value for name, value in vars(module).items() if not is_private(name)}
    values = {name: names[name] for name in allowed if name in names}
    values, problems = _converted(values)
    suspects = [
        n for n in names if n not in allowed and _may_be_field(n, names[n], file, module, known)
    ]
    lines: Mapping[str, int] = {}
    if suspects:
        lines = assigned_lines(file)
        problems += _unknown(suspects, lines, allowed, known)
    return Fields(values, tuple(problems))


def fields_of_folder(file: SourceFile, module: ModuleType) -> Iterator[str]:
    """Yield an error for each field in the ``__init__.py`` of a folder. It has no endpoint, so its
    ``access`` would not protect anything."""
    names = [n for n, value in vars(module).items() if n in ENDPOINT or _is_misspelt(n, value)]
    lines = assigned_lines(file) if names else {}
    for name in names:
        if name in lines:
            yield (
                f"{name!r} is a field of an endpoint, and the fields of a "
                f"folder are not read; write it in each file of the folder"
            )


def _is_misspelt(name: str, value: Any) -> bool:
    """Whether it is a variable whose name is similar to a field."""
    if is_private(name) or not isinstance(value, str | int | float | list | tuple | dict):
        return False
    return bool(get_close_matches(name, ENDPOINT, cutoff=0.8))


def times_of(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields that are times in seconds, by their names in messages."""
    queue = values.get("queue")
    of_queue = {"timeout of queue": queue.timeout} if isinstance(queue, Queue) else {}
    return {"timeout": values.get("timeout"), **of_queue}


def _converted(values: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return *values* with the mapping of ``queue``, the notation of Metarhia, as a `Queue`; and
    errors."""
    queue = values.get("queue")
    if not isinstance(queue, Mapping):
        return values, []
    try:
        return {**values, "queue": Queue(**queue)}, []
    except TypeError:
        known = ", ".join(field.name for field in attrs.fields(Queue))
        return {k: v for k, v in values.items() if k != "queue"}, [
            f"queue has the keys {', '.join(map(str, queue)) or 'none'}; write {known}, of which "
            f"concurrency is required"
        ]


def _may_be_field(
    name: str, value: Any, file: SourceFile, module: ModuleType, known: Collection[str]
) -> bool:
    if name in _NOT_FIELDS or name == file.stem or inspect.isclass(value):
        return False
    if is_variable(name, value):
        return True
    return (name.isupper() or is_own(value, module)) and _nearest(name, known) is not None


def _nearest(name: str, names: Collection[str], cutoff: float = 0.8) -> str | None:
    """Return the most similar of *names*; None if the similarity is below *cutoff*."""
    return next(iter(get_close_matches(name.lower(), names, n=1, cutoff=cutoff)), None)


def _unknown(
    suspects: list[str],
    lines: Mapping[str, int],
    allowed: Collection[str],
    known: Collection[str],
) -> Iterator[str]:
    for name in suspects:
        if name not in lines:
            continue  # the name is imported
        near = _nearest(name, allowed, 0.6) or _nearest(name, known, 0.6)
        if name in _RENAMED:
            hint = f"{_RENAMED[name]}."
        elif near is None:
            hint = f"the fields are {', '.join(allowed)}."
        elif near not in allowed:
            hint = f"{near!r} belongs to one method: write it in api/<unit>/<method>.py."
        else:
            hint = f"did you mean {near!r}?"
        yield f"{name!r} is not a field; {hint} Other variables have names that begin with _"
