"""The grammar of path templates, parsed before the converters are known."""

import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest

import attrs

from rxkernel.exceptions import ConfigurationError
from rxkernel.routing.kinds import KINDS, PATH, STR
from rxkernel.routing.patterns import pattern_fault


@attrs.frozen
class Field:
    """A parameter; ``kind`` is the name of its converter, or a pattern with its slashes."""

    name: str
    kind: str

    @property
    def is_pattern(self) -> bool:
        return self.kind.startswith("/")


@attrs.frozen
class Step:
    """The part between two slashes: one literal more than there are fields."""

    literals: tuple[str, ...]
    fields: tuple[Field, ...]

    @property
    def shape(self) -> str:
        """The text, with the kinds of the parameters but not their names."""
        names = (f"{{:{field.kind}}}" for field in self.fields)
        pairs = zip_longest(self.literals, names, fillvalue="")
        return "".join(literal + name for literal, name in pairs)


@attrs.frozen
class TemplateSyntax:
    """A template with valid grammar. See `PathTemplate` for ``text`` and ``shape``."""

    text: str
    shape: str
    steps: tuple[Step, ...]

    @property
    def plain_text(self) -> str:
        """The text without the kinds of its parameters, such as ``/users/{id}`` for OpenAPI."""
        return FIELD.sub(r"{\g<name>}", self.text)

    @property
    def parameters(self) -> Mapping[str, str]:
        """The kind of each parameter by its name, in their order."""
        return {field.name: field.kind for step in self.steps for field in step.fields}

    @property
    def converted(self) -> frozenset[str]:
        """The names of the parameters with a converter of the application."""
        return frozenset(
            field.name
            for step in self.steps
            for field in step.fields
            if not field.is_pattern and field.kind not in KINDS
        )

    @classmethod
    def parse(cls, text: str) -> "TemplateSyntax":
        """Parse the template *text*.

        Raises:
            ConfigurationError: it breaks a rule of the grammar, or has an invalid pattern.
        """
        _check(text)
        steps = _split(text)
        errors = [template_error(text, rule, hint) for rule, hint in _faults(steps)]
        if errors:
            raise ConfigurationError.merge(errors)
        shape = "/" + "/".join(step.shape for step in steps)
        return cls(text.removesuffix("/") or "/", shape, tuple(steps))


def template_error(text: str, rule: str, hint: str) -> ConfigurationError:
    return ConfigurationError(f"Path template {text!r} {rule}: {hint}.")


FIELD = re.compile(
    r"""
    \{ (?P<name> [^{}:/]* )
       (?: : (?P<kind>
               / (?: \\. | \[ \^? \]?+ (?: \\. | [^\]\\] )* \] | [^/\\\[] )* /  # a pattern
             | [^{}/]*
       ) )?
    \}
    """,
    re.VERBOSE | re.DOTALL,
)
"""A slash in a pattern is escaped or in a character class."""

_RULES = (
    (r"\A(?!/)", "does not start with '/'", "put a slash in front"),
    (
        r"\{[^{}:/]*:/",
        "has a pattern that does not end",
        r"write it as '{name:/…/}', a slash in it as '\/'",
    ),
    (r"//", "has an empty segment", "write one slash between segments"),
    (r"[?#]", "has a '?' or '#'", "remove the query and the fragment"),
    (r"/:[A-Za-z_]|<[^<>/]*>", "has a parameter of another framework", "write {name}"),
    (r"%[0-9a-fA-F]{2}", "is percent-encoded", "write the plain characters"),
    (r"/\.\.?(?:/|\Z)", "has a segment '.' or '..'", "write the path that it leads to"),
    (r"[{}]", "has unbalanced braces", "write each parameter as '{name}'"),
)


def _check(text: str) -> None:
    literals = FIELD.sub("\0", text)
    for pattern, rule, hint in _RULES:
        if re.search(pattern, literals):
            raise template_error(text, rule, hint)
    if not text.isprintable():
        raise template_error(text, "has a character that is not printable", "remove it")


def _split(text: str) -> list[Step]:
    """Split *text* at the slashes that are outside of fields."""
    steps: list[tuple[list[str], list[Field]]] = []
    end = 0
    for found in [*FIELD.finditer(text), None]:
        literal = text[end : found.start() if found else None]
        first, *others = literal.split("/")
        if steps:
            steps[-1][0][-1] += first
        steps += (([other], []) for other in others)
        if found is not None:
            end = found.end()
            literals, fields = steps[-1]
            literals.append("")
            kind = found["kind"]
            fields.append(Field(found["name"], STR.name if kind is None else kind))
    return [Step(tuple(ls), tuple(fs)) for ls, fs in steps if fs or ls != [""]]


def _faults(steps: list[Step]) -> Iterator[tuple[str, str]]:
    """Yield the broken rules, each with a hint."""
    if any("" in step.literals[1:-1] for step in steps):
        hint = "put a literal character or a slash between"
        yield "has two parameters with nothing between them", hint
    yield from _field_faults([field for step in steps for field in step.fields])
    for place, step in enumerate(steps, 1):
        has_path = any(field.kind == PATH.name for field in step.fields)
        if has_path and (place < len(steps) or any(step.literals)):
            hint = "make it the whole last segment, or use another converter"
            yield "has a ':path' parameter that is not the last", hint


def _field_faults(fields: list[Field]) -> Iterator[tuple[str, str]]:
    names: set[str] = set()
    for field in fields:
        if not field.name.isidentifier():
            hint = "use letters, digits and underscores, starting with a letter"
            yield f"has a parameter named {field.name!r}, which is not an identifier", hint
        elif field.name in names:
            yield f"has two parameters {field.name!r}", "rename one of them"
        names.add(field.name)
        if field.is_pattern and (fault := pattern_fault(field.kind[1:-1])) is not None:
            rule, hint = fault
            yield f"has a pattern {field.kind!r} that {rule}", hint
