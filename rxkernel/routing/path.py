"""Path templates: ``/users/{id:int}``, ``/files/{path:path}``, ``/report-{year:int}.{format}``.

A template is parsed once, at boot; what cannot be right is refused there with the cure. It
matches decoded segments, and builds and checks the values of its parameters.
"""

import re
from collections.abc import Mapping
from itertools import islice
from types import MappingProxyType
from urllib.parse import quote

import attrs

from rxkernel.exceptions import ConfigurationError
from rxkernel.routing.converters import CONVERTERS, PATH, STR, Converter
from rxkernel.routing.segment import Segment


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
    (r"/:[A-Za-z_]|<[^<>/]*>", "has a parameter in another framework's words", "write {name}"),
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
