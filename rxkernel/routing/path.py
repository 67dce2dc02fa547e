"""Path templates: ``/users/{id:int}``, ``/files/{path:path}``, ``/{year:/[0-9]{4}/}.{format}``.

A template is parsed and checked once, at boot. It matches decoded segments, converts the values
of its parameters, and builds paths.
"""

from collections.abc import Mapping
from itertools import islice
from types import MappingProxyType
from urllib.parse import quote

import attrs

from rxkernel.exceptions import ConfigurationError
from rxkernel.nearest import nearest
from rxkernel.routing.kinds import KINDS, PATH, Kind, pattern_kind
from rxkernel.routing.segment import Segment
from rxkernel.routing.syntax import Field, TemplateSyntax, template_error


@attrs.frozen
class PathTemplate:
    """The path of a route, without query. Templates with equal texts are equal.

    ``text`` has no trailing slash, except for the root ``/``. ``shape`` is the text without the
    names of the parameters: two templates with the same shape match the same requests.
    """

    text: str
    shape: str = attrs.field(eq=False)
    parameters: Mapping[str, Kind] = attrs.field(eq=False)
    segments: tuple[Segment, ...] = attrs.field(eq=False)

    @classmethod
    def parse(cls, text: str, kinds: Mapping[str, Kind] = KINDS) -> "PathTemplate":
        """Parse the template *text*; *kinds* are the converters by name.

        Raises:
            ConfigurationError: it breaks a rule of the grammar, or names an unknown converter.
        """
        return cls.of(TemplateSyntax.parse(text), kinds)

    @classmethod
    def of(cls, syntax: TemplateSyntax, kinds: Mapping[str, Kind]) -> "PathTemplate":
        """As `parse`, for a template that `TemplateSyntax.parse` has parsed."""
        _check_kinds(syntax, kinds)
        parameters: dict[str, Kind] = {}
        segments: list[Segment] = []
        for step in syntax.steps:
            own = {field.name: _kind(field, kinds) for field in step.fields}
            parameters |= own
            segments.append(Segment(step.literals, tuple(own.values()), step.shape))
        return cls(syntax.text, syntax.shape, MappingProxyType(parameters), tuple(segments))

    def format(self, /, **params: object) -> str:
        """Return the percent-encoded path for *params*; other parameters are ignored.

        Raises:
            ValueError: a parameter is missing, does not match its converter, would be read as
                another value in a mixed segment, or results in a segment ``.`` or ``..``, which
                clients resolve before they send a path (RFC 3986 §5.2.4).
        """
        names, path = iter(self.parameters), "" if self.segments else "/"
        for segment in self.segments:
            own = islice(names, len(segment.kinds))
            path += "/" + self._format(segment, {name: self._text(name, params) for name in own})
        # A leading "//" would name a host (RFC 3986 §4.2).
        return f"/%2F{path[2:]}" if path.startswith("//") else path

    def convert(self, params: Mapping[str, object]) -> dict[str, object] | None:
        """Return the values of the template's parameters from texts or converted values.

        Returns None if one does not match its converter, since such a request would not match.

        Raises:
            ValueError: *params* lacks a parameter.
        """
        values: dict[str, object] = {}
        for name, kind in self.parameters.items():
            text = kind.to_text(self._value(name, params))
            value = None if text is None else kind.read(text)
            if value is None:
                return None
            values[name] = value
        return values

    def _value(self, name: str, params: Mapping[str, object]) -> object:
        if name not in params:
            raise ValueError(f"Path {self.text!r} needs the parameter {name!r}; pass it.")
        return params[name]

    def _text(self, name: str, params: Mapping[str, object]) -> str:
        value, kind = self._value(name, params), self.parameters[name]
        text = kind.to_text(value)
        if text is None or kind.read(text) is None:
            raise self._format_error({name: value}, f"not a valid {kind.name}")
        return text

    def _format(self, segment: Segment, texts: dict[str, str]) -> str:
        whole, text = segment.rank == PATH.rank, segment.join(list(texts.values()))
        if segment.match(text) != tuple(texts.values()):
            raise self._format_error(texts, f"{text!r} would be read as other values")
        if not {".", ".."}.isdisjoint(text.split("/") if whole else (text,)):
            raise self._format_error(texts, "clients resolve '.' and '..' before they send a path")
        return quote(text, safe=f"{_UNQUOTED}/" if whole else _UNQUOTED)

    def _format_error(self, params: Mapping[str, object], why: str) -> ValueError:
        given = ", ".join(f"{name}={value!r}" for name, value in params.items())
        return ValueError(f"Path {self.text!r} cannot hold {given}: {why}.")


_UNQUOTED = "!$&'()*+,;=:@"  # pchar of RFC 3986 §3.3, except unreserved characters


def _kind(field: Field, kinds: Mapping[str, Kind]) -> Kind:
    return pattern_kind(field.kind) if field.is_pattern else kinds[field.kind]


def _check_kinds(syntax: TemplateSyntax, kinds: Mapping[str, Kind]) -> None:
    """Reject unknown converters, all in one error."""
    fields = (field for step in syntax.steps for field in step.fields)
    unknown = [f.kind for f in fields if not f.is_pattern and f.kind not in kinds]
    errors = []
    for name in dict.fromkeys(unknown):
        near = nearest(name, tuple(kinds))
        hint = f"did you mean {near!r}? " if near else ""
        hint += f"use one of {', '.join(kinds)}"
        errors.append(template_error(syntax.text, f"has an unknown converter {name!r}", hint))
    if errors:
        raise ConfigurationError.merge(errors)
