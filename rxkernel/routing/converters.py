"""Converters of an application: ``Application(converters={"slug": Converter(…)})``."""

import inspect
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import attrs

from rxkernel.routing.kinds import KINDS, OWN_RANK, STR, Kind, plain_text
from rxkernel.routing.patterns import pattern_fault


@attrs.frozen
class Converter:
    """A kind of path parameter. Templates refer to it by its key in ``converters``.

    ``Converter("[0-9]{4}-[0-9]{2}-[0-9]{2}", date.fromisoformat)``

    *pattern* is a regular expression without capturing groups. It must match the whole text of a
    parameter, which is always within one segment. *to_python* converts the text to the value; if
    it raises ValueError or returns None, the path does not match. *to_text* converts a value to
    text when a URL is built; a str is not converted.

    Boot reports the problems of a converter.
    """

    pattern: str
    to_python: Callable[[str], object] = str
    to_text: Callable[[Any], str] = str


def own_kinds(converters: object) -> tuple[Mapping[str, Kind], list[str]]:
    """Return the kinds by name, and the problems of *converters*.

    A converter with a problem is among the kinds, so that its routes do not cause another one.
    """
    if not isinstance(converters, Mapping):
        return KINDS, [
            f"converters is {converters!r}; it must map names to converters, as in "
            f'converters={{"slug": Converter("[a-z0-9-]+")}}'
        ]
    kinds, problems = dict(KINDS), []
    for rank, (name, converter) in enumerate(converters.items(), OWN_RANK):
        found = [*_name_problems(name), *_problems(name, converter)]
        problems += found
        if name not in KINDS:
            kinds[name] = STR if found else _kind(name, converter, rank)
    return MappingProxyType(kinds), problems


def _name_problems(name: object) -> list[str]:
    if isinstance(name, str) and name in KINDS:
        return [f"converter {name!r} has the name of a built-in one; choose another name"]
    if isinstance(name, str) and name.isidentifier():
        return []
    return [
        f"converter {name!r} has an invalid name; use letters, digits and underscores, starting "
        f"with a letter"
    ]


def _problems(name: object, converter: object) -> list[str]:
    what = f"converter {name!r}"
    if not isinstance(converter, Converter):
        is_text = isinstance(converter, str)
        hint = f"Converter({converter!r})" if is_text else 'one such as Converter("[a-z0-9-]+")'
        return [f"{what} is {converter!r}, which is not a Converter; write {hint}"]
    problems = []
    if not isinstance(converter.pattern, str):
        problems.append(f"{what} has the pattern {converter.pattern!r}; pass a str")
    elif (fault := pattern_fault(converter.pattern)) is not None:
        rule, hint = fault
        problems.append(f"{what} has the pattern {converter.pattern!r}, which {rule}; {hint}")
    for role, function in (("to_python", converter.to_python), ("to_text", converter.to_text)):
        if not callable(function):
            problems.append(f"{what} has the {role} {function!r}; pass a function")
        elif inspect.iscoroutinefunction(function):
            problems.append(
                f"{what} has a {role} that is an async def; use a plain def, and load data in the "
                f"action"
            )
    return problems


def _kind(name: str, converter: Converter, rank: int) -> Kind:
    return Kind(
        name,
        converter.pattern,
        converter.to_python,
        rank,
        _reader(converter),
        to_text=_writer(name, converter),
        is_open=True,
    )


def _reader(converter: Converter) -> Callable[[str], object | None]:
    fullmatch, to_python = re.compile(converter.pattern).fullmatch, converter.to_python

    def read(text: str) -> object | None:
        if fullmatch(text) is None:
            return None
        try:
            return to_python(text)
        except ValueError:
            return None

    return read


def _writer(name: str, converter: Converter) -> Callable[[object], str | None]:
    to_text = converter.to_text

    def write(value: object) -> str | None:
        if value is None or isinstance(value, str):
            return plain_text(value)
        try:
            text: object = to_text(value)
        except ValueError:
            return None
        if not isinstance(text, str):
            raise TypeError(f"to_text of converter {name!r} returned {text!r}; it must be a str")
        return plain_text(text)

    return write
