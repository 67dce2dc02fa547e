"""Path templates: ``/users/{id:int}``, ``/files/{path:path}``, ``/report-{year:int}.{format}``.

A template is parsed once, at boot; what cannot be right is refused there with the cure. It
matches decoded segments, and builds and checks the values of its parameters.
"""

import math
import re
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from itertools import islice
from types import MappingProxyType
from urllib.parse import quote

import attrs

from rxkernel.exceptions import ConfigurationError


@attrs.frozen(eq=False)
class Converter:
    """What a parameter accepts, and the value that it becomes.

    *pattern* is a regular expression without capturing groups; a text that fits it whole never
    makes *to_python* fail. The lower *rank*, the more specific.
    """

    name: str
    pattern: str
    to_python: Callable[[str], object]
    rank: int

    def text(self, value: object) -> str | None:
        """*value*, a text or an already converted value, as it stands in a path; None if unfit."""
        text = _text(value)
        fits = text is not None and re.fullmatch(self.pattern, text)
        return text if fits else None


INT = Converter("int", "-?[0-9]{1,18}", int, 2)
UUID = Converter("uuid", "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", uuid.UUID, 3)
# 308 digits are always below the largest float, 324 decimals reach the smallest.
FLOAT = Converter("float", r"-?[0-9]{1,308}(?:\.[0-9]{1,324})?", float, 4)
STR = Converter("str", "(?s:.+)", str, 5)
PATH = Converter("path", "(?s:.+)", str, 6)
CONVERTERS = MappingProxyType({c.name: c for c in (INT, UUID, FLOAT, STR, PATH)})
_LITERAL_RANK, _MIXED_RANK = 0, 1


@attrs.frozen(eq=False)
class Segment:
    """The part of a template between two slashes.

    ``literals`` are the texts before, between and after the parameters: one more than there
    are ``converters``.
    """

    literals: tuple[str, ...]
    converters: tuple[Converter, ...]
    shape: str = attrs.field(init=False)
    rank: int = attrs.field(init=False)
    _fullmatch: Callable[[str], re.Match[str] | None] = attrs.field(init=False)

    @shape.default
    def _shape_of(self) -> str:
        return self.join([f"{{:{converter.name}}}" for converter in self.converters])

    @rank.default
    def _rank_of(self) -> int:
        if not self.converters:
            return _LITERAL_RANK
        return _MIXED_RANK if any(self.literals) else self.converters[0].rank

    @_fullmatch.default
    def _compile(self) -> Callable[[str], re.Match[str] | None]:
        if self.rank == _LITERAL_RANK:  # no use for an expression, which is slow to compile
            literal, groupless = self.literals[0], re.fullmatch("", "")
            return lambda text: groupless if text == literal else None
        return re.compile(_pattern(self.literals, self.converters)).fullmatch

    def join(self, texts: list[str]) -> str:
        """The decoded segment that has *texts* in the place of its parameters."""
        pairs = zip(self.literals, [*texts, ""], strict=True)
        return "".join(literal + text for literal, text in pairs)

    def match(self, text: str) -> tuple[str, ...] | None:
        """The texts of the parameters in a decoded segment, or None.

        Where several text parameters share a segment, each but the last ends at the first place
        where what follows it fits: ``{name}.{format}`` splits ``a.tar.gz`` as ``a``, ``tar.gz``.
        """
        found = self._fullmatch(text)
        return None if found is None else found.groups()


@attrs.frozen
class PathTemplate:
    """The path of a route, without query; equal when the text is.

    ``text`` has no trailing slash, unless it is the root ``/``. Two templates match exactly the
    same requests when their ``shape``, the text without the parameters' names, is the same.
    """

    text: str
    shape: str = attrs.field(eq=False)
    parameters: Mapping[str, Converter] = attrs.field(eq=False)
    segments: tuple[Segment, ...] = attrs.field(eq=False)

    @classmethod
    def parse(cls, text: str) -> "PathTemplate":
        """Read a template as a route declares it.

        Raises:
            ConfigurationError: it breaks a rule of the grammar; the sentence names the cure.
        """
        _check(text)
        segments: list[Segment] = []
        parameters: dict[str, Converter] = {}
        for step in filter(None, text.split("/")):
            literals, fields = _split(text, step)
            converters: list[Converter] = []
            for name, converter in fields:
                if name in parameters:
                    raise _error(text, f"has two parameters {name!r}", "rename one of them")
                parameters[name] = converter
                converters.append(converter)
            segments.append(Segment(literals, tuple(converters)))
        _check_path_converter(text, segments)
        shape = "/" + "/".join(segment.shape for segment in segments)
        normal = text.removesuffix("/") or "/"
        return cls(normal, shape, MappingProxyType(parameters), tuple(segments))

    def format(self, /, **params: object) -> str:
        """The percent-encoded path for *params*; those that the template has not are ignored.

        Raises:
            ValueError: a parameter is missing, does not fit its converter, would not be read
                back as it is from a mixed segment, or makes a segment ``.`` or ``..``, which
                clients resolve before they send (RFC 3986 §5.2.4).
        """
        names, path = iter(self.parameters), "" if self.segments else "/"
        for segment in self.segments:
            own = islice(names, len(segment.converters))
            path += "/" + self._format(segment, {name: self._text(name, params) for name in own})
        # A leading "//" would name a host (RFC 3986 §4.2).
        return f"/%2F{path[2:]}" if path.startswith("//") else path

    def convert(self, params: Mapping[str, object]) -> dict[str, object] | None:
        """The values of this template's parameters, given as text or already converted.

        Returns None when one does not fit its converter: such a request would not match.

        Raises:
            ValueError: *params* lacks a parameter.
        """
        values: dict[str, object] = {}
        for name, converter in self.parameters.items():
            text = converter.text(self._value(name, params))
            if text is None:
                return None
            values[name] = converter.to_python(text)
        return values

    def _value(self, name: str, params: Mapping[str, object]) -> object:
        if name not in params:
            raise ValueError(f"Path {self.text!r} needs the parameter {name!r}; pass it.")
        return params[name]

    def _text(self, name: str, params: Mapping[str, object]) -> str:
        value, converter = self._value(name, params), self.parameters[name]
        text = converter.text(value)
        if text is None:
            raise self._unfit({name: value}, f"no {converter.name} of a path")
        return text

    def _format(self, segment: Segment, texts: dict[str, str]) -> str:
        whole, text = segment.rank == PATH.rank, segment.join(list(texts.values()))
        if segment.match(text) != tuple(texts.values()):
            raise self._unfit(texts, f"{text!r} is read back as other values")
        if not {".", ".."}.isdisjoint(text.split("/") if whole else (text,)):
            raise self._unfit(texts, "clients resolve '.' and '..' before they send")
        return quote(text, safe=f"{_UNQUOTED}/" if whole else _UNQUOTED)

    def _unfit(self, params: Mapping[str, object], why: str) -> ValueError:
        given = ", ".join(f"{name}={value!r}" for name, value in params.items())
        return ValueError(f"Path {self.text!r} cannot hold {given}: {why}.")


_UNQUOTED = "!$&'()*+,;=:@"  # pchar of RFC 3986 §3.3, what is not unreserved
_RULES = (
    (r"\A(?!/)", "does not start with '/'", "put a slash in front"),
    (r"//", "has an empty segment", "write one slash between segments"),
    (r"[?#]", "has a '?' or '#'", "leave the query and the fragment out, they are not the path"),
    (r"%[0-9a-fA-F]{2}", "is percent-encoded", "write the plain characters"),
    (r"/\.\.?(?:/|\Z)", "has a segment '.' or '..'", "write the path that it leads to"),
)


def _error(text: str, rule: str, cure: str) -> ConfigurationError:
    return ConfigurationError(f"Path template {text!r} {rule}: {cure}.")


def _check(text: str) -> None:
    for pattern, rule, cure in _RULES:
        if re.search(pattern, text):
            raise _error(text, rule, cure)
    if not text.isprintable():
        raise _error(text, "has a character that does not print", "remove it")


def _split(text: str, step: str) -> tuple[tuple[str, ...], list[tuple[str, Converter]]]:
    pieces = re.split(r"\{([^{}]*)\}", step)
    literals = tuple(pieces[::2])
    if any("{" in literal or "}" in literal for literal in literals):
        raise _error(text, "has unbalanced braces", "write each parameter as '{name}'")
    if "" in literals[1:-1]:
        cure = "put a literal character or a slash between"
        raise _error(text, "has two parameters with nothing between them", cure)
    return literals, [_parameter(text, field) for field in pieces[1::2]]


def _parameter(text: str, field: str) -> tuple[str, Converter]:
    name, colon, kind = field.partition(":")
    if not name.isidentifier():
        cure = "use letters, digits and underscores, a letter first"
        raise _error(text, f"has a parameter named {name!r}, which is no identifier", cure)
    converter = CONVERTERS.get(kind if colon else STR.name)
    if converter is None:
        cure = f"use one of {', '.join(CONVERTERS)}"
        raise _error(text, f"has an unknown converter {kind!r}", cure)
    return name, converter


def _check_path_converter(text: str, segments: list[Segment]) -> None:
    for place, segment in enumerate(segments, 1):
        if PATH in segment.converters and (place < len(segments) or any(segment.literals)):
            cure = "make it the whole last segment, or use another converter"
            raise _error(text, "has a ':path' parameter that is not the last segment", cure)


def _pattern(literals: tuple[str, ...], converters: tuple[Converter, ...]) -> str:
    """One capturing group per parameter, in time linear in the segment.

    Text parameters but the last stand in an atomic group with all that follows up to the next
    one: without it, n text parameters would let a hostile path cost its length to the power n.
    """
    texts_left, source = converters.count(STR), re.escape(literals[0])
    atomic = False
    for converter, literal in zip(converters, literals[1:], strict=True):
        if converter is STR:
            source += ")" if atomic else ""
            texts_left -= 1
            atomic = texts_left > 0
        source += "(?>((?s:.+?))" if converter is STR and atomic else f"({converter.pattern})"
        source += re.escape(literal)
    return source


def _text(value: object) -> str | None:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return None
        return None if "\0" in value else str.__str__(value)
    if isinstance(value, float):
        return f"{Decimal(repr(float(value))):f}" if math.isfinite(value) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value)) if value.bit_length() < 4096 else None  # str() refuses more
    return str(value) if isinstance(value, uuid.UUID) else None
