"""The pages of docs/reference about events and errors equal the code."""

import ast
import inspect
import re
from collections.abc import Iterator
from enum import StrEnum
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from textwrap import dedent

import attrs

from bundles.resources import OperationEvent
from bundles.security import SecurityEvents
from bundles.sessions import SessionEvents
from rxkernel import (
    ApplicationEvents,
    Event,
    HttpException,
    KernelEvents,
    ServerEvents,
    exceptions,
)
from tests.docs.public_names import MODULES
from tests.required_tools import ROOT

REFERENCE = ROOT / "docs" / "reference"
SOURCES = [
    path
    for folder in ("rxkernel", "bundles")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "template" not in path.parts
]
ENUMS = (KernelEvents, ApplicationEvents, ServerEvents, SecurityEvents, SessionEvents)
_EVENT = re.compile(
    r"^\| `(\w+)\.(\w+)`, `([\w.]+)` \| `(\w+)`: (`[^|]*`) \| .+ \|$", re.MULTILINE
)


def test_table_of_events_equals_the_enums() -> None:
    page = (REFERENCE / "events.md").read_text(encoding="utf-8")
    listed = {(row[1], row[2], row[3], row[4]) for row in _EVENT.finditer(page)}

    assert listed == {
        (names.__name__, name, str(names[name]), event)
        for names in ENUMS
        for name, event in classes_of(names)
    }


def test_table_of_events_contains_all_public_enums_of_events() -> None:
    """They are recognized by their names, ``…Events``, and their base class."""
    public = [
        getattr(import_module(m), name) for m in MODULES for name in import_module(m).__all__
    ]

    assert set(ENUMS) == {
        thing
        for thing in public
        if inspect.isclass(thing)
        and issubclass(thing, StrEnum)
        and thing.__name__.endswith("Events")
    }


def test_fields_of_events_equal_the_classes() -> None:
    page = (REFERENCE / "events.md").read_text(encoding="utf-8")
    rows = [(row[4], row[5]) for row in _EVENT.finditer(page)]
    classes = {cls.__name__: cls for cls in subclasses(Event)}

    assert {(name, tuple(re.findall(r"`(\w+)`", fields))) for name, fields in rows} == {
        (name, fields_of(classes[name])) for name, _ in rows
    }


def test_fields_of_operation_event_are_listed() -> None:
    page = (REFERENCE / "events.md").read_text(encoding="utf-8")
    _, _, text = page.partition("is `OperationEvent`, with ")

    assert tuple(re.findall(r"`(\w+)`", text.partition(";")[0])) == fields_of(OperationEvent)


def test_table_of_exceptions_equals_the_classes() -> None:
    page = (REFERENCE / "errors.md").read_text(encoding="utf-8")
    listed = {
        (int(status), name)
        for status, name in re.findall(r"^\| (\d{3}) \| `(\w+)`", page, re.MULTILINE)
    }

    assert listed == {
        (kind.status_code, name)
        for name, kind in vars(exceptions).items()
        if isinstance(kind, type) and issubclass(kind, HttpException) and kind is not HttpException
        if "status_code" in vars(kind)  # a subclass without it has the status of its base class
    }


def test_codes_of_errors_have_their_status_in_the_table() -> None:
    """Only codes that are literals in the call of the exception class are found."""
    listed = codes_of_page()

    assert {one for path in SOURCES for one in raised_codes(path)} - listed == set()


def test_listed_codes_of_errors_are_in_the_sources() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in SOURCES)

    assert {code for code, _ in codes_of_page() if f'"{code}"' not in sources} == set()


def codes_of_page() -> set[tuple[str, int]]:
    page = (REFERENCE / "errors.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\d{3}) \|", page, re.MULTILINE)
    return {(code, int(status)) for code, status in rows}


def raised_codes(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the code and the status of each ``SomeException(code="…")`` in a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        codes = [word.value for word in call.keywords if word.arg == "code"]
        match codes, call.func:
            case [ast.Constant(str(code))], ast.Name(name):
                pass
            case [ast.Constant(str(code))], ast.Attribute(attr="__init__"):
                (name,) = (cls.name for cls in classes if call in ast.walk(cls))
            case _:
                continue
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        made = getattr(import_module(module), name)
        if issubclass(made, HttpException):
            yield code, made.status_code


def classes_of(names: type[StrEnum]) -> Iterator[tuple[str, str]]:
    """Yield each constant with the class at the beginning of its docstring."""
    (cls,) = ast.parse(dedent(inspect.getsource(names))).body
    assert isinstance(cls, ast.ClassDef)
    for statement, following in pairwise(cls.body):
        match statement, following:
            case ast.Assign(targets=[ast.Name(name)]), ast.Expr(ast.Constant(str(text))):
                yield name, re.split(r"`(\w+)`", text)[1]


def fields_of(cls: type[Event]) -> tuple[str, ...]:
    """Return the fields, then the properties, that a listener may read."""
    fields = [field.name for field in attrs.fields(cls)]
    properties = [name for name, value in vars(cls).items() if isinstance(value, property)]
    hidden = {"propagation_stopped"}
    return tuple(n for n in (*fields, *properties) if n not in hidden and not n.startswith("_"))


def subclasses(cls: type[Event]) -> Iterator[type[Event]]:
    for one in cls.__subclasses__():
        yield one
        yield from subclasses(one)
