"""One setting: a field of an attrs class, and its value from a source."""

import reprlib
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

import attrs
import msgspec

from rxkernel.exceptions import ConfigurationError
from rxkernel.settings import Allowed

SettingPath: TypeAlias = tuple[str, ...]
Field: TypeAlias = "attrs.Attribute[Any]"

LISTS = (tuple, list, set, frozenset)


@attrs.frozen
class RawValue:
    """A value from one source, not yet converted."""

    value: object
    source: str
    is_text: bool = False
    is_hidden: bool = False


@attrs.frozen
class Setting:
    """One name that sources may set."""

    path: SettingPath
    kind: Any
    field: Field
    is_secret: bool

    @property
    def name(self) -> str:
        return ".".join(self.path)

    @property
    def variable(self) -> str:
        return "_".join(("rxkernel", *self.path)).replace("-", "_").upper()

    def hides(self, given: RawValue) -> bool:
        return self.is_secret or given.is_hidden

    def convert(self, given: RawValue) -> object:
        value = _from_text(str(given.value), self.kind) if given.is_text else given.value
        return msgspec.convert(value, self.kind, strict=not given.is_text, dec_hook=_to_path)

    def problem_of(self, given: RawValue) -> str:
        """The problem of *given*, whose type is not that of the setting."""
        if isinstance(self.field.validator, Allowed):
            return f"{self._got(given)}, must be {self.field.validator.text}"
        return f"{self._got(given)}, must be {_type(self.kind)}"

    def problem_of_value(self, given: RawValue, error: Exception) -> str:
        """The problem of *given*, which the validator rejected with *error*.

        The text of *error* is not shown for a secret: it may contain the value, a part of it, or
        another form of it.
        """
        if isinstance(self.field.validator, Allowed):
            return self.problem_of(given)
        if self.hides(given):
            kind = type(error).__name__
            return (
                f"{self._got(given)}, which its validator rejects ({kind}, whose text is hidden)"
            )
        return f"{self._got(given)}, but {reason_of(error)}"

    def _got(self, given: RawValue) -> str:
        shown = "a secret value" if self.hides(given) else _show(given.value)
        return f"{self.name} from {given.source}: got {shown}"


def key_of(field: Field) -> str:
    return field.alias or field.name


def fields_of(cls: type[Any]) -> Iterator[tuple[Field, Any]]:
    """The fields that may be set, each with its type."""
    hints = get_type_hints(cls, include_extras=True)
    return ((f, hints.get(f.name, object)) for f in attrs.fields(cls) if f.init)


def _members(kind: Any) -> tuple[Any, ...]:
    """The members of the union *kind*, or *kind* alone."""
    if get_origin(kind) is Annotated:
        return _members(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return tuple(member for part in get_args(kind) for member in _members(part))
    return (kind,)


def group_of(kind: Any) -> type | None:
    """The attrs class in *kind*, a table of settings; None if *kind* is something else."""
    return next((m for m in _members(kind) if isinstance(m, type) and attrs.has(m)), None)


def _type(kind: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"one of {', '.join(repr(member.value) for member in kind)}"
    members = _members(kind)
    values = [value for m in members if get_origin(m) is Literal for value in get_args(m)]
    if values and all(m is NoneType or get_origin(m) is Literal for m in members):
        none = ", or none" if NoneType in members else ""
        return f"one of {', '.join(map(repr, values))}{none}"
    return f"of type {_name(kind)}"


def _name(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")


def default_of(field: Field) -> Any:
    """The default; NOTHING if it is missing or depends on other settings."""
    factory = getattr(field.default, "factory", None)
    if factory is None:
        return field.default
    return attrs.NOTHING if getattr(field.default, "takes_self", False) else factory()


def _from_text(text: str, kind: Any) -> object:
    members = _members(kind)
    if NoneType in members and text.lower() in ("", "none"):
        return None
    if any((get_origin(member) or member) in LISTS for member in members):
        return [item.strip() for item in text.split(",")] if text.strip() else []
    return text


def _to_path(kind: type, value: object) -> object:
    return Path(value) if kind is Path and isinstance(value, str) else value


def _show(value: object) -> str:
    """A short text for *value*; for a table its type, since a part of it may be secret."""
    items = value if isinstance(value, LISTS) else (value,)
    nested = any(isinstance(item, (Mapping, *LISTS)) for item in items)
    return f"a {type(value).__name__}" if nested else reprlib.repr(value)


def reason_of(error: Exception) -> str:
    if isinstance(error, ConfigurationError):
        return "; ".join(error.problems)
    return str(error.args[0]) if error.args else repr(error)
