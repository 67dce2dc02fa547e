"""Reads docstrings with sections in Google style, such as ``Args:`` and ``Raises:``."""

import re
from collections.abc import Mapping
from types import MappingProxyType

import attrs

_SECTIONS = MappingProxyType(
    {
        "args": "parameters",
        "arguments": "parameters",
        "parameters": "parameters",
        "returns": "returns",
        "raises": "raises",
        "yields": "returns",
        "responses": "responses",
        "response headers": "headers",
    }
)
_HEADING = re.compile(r"([A-Z][a-z]+(?: [a-z]+)?):\s*")
_NAME = re.compile(r"\*{0,2}([A-Za-z_][\w.-]*|[2-5][0-9]{2})(?:\s*\([^)]*\))?")
_NO_TEXTS: Mapping[str, str] = MappingProxyType({})


@attrs.frozen
class Docstring:
    """The parts of a docstring. A section with a wrong form is a part of the description.

    Attributes:
        summary: the first paragraph, on one line; empty if the text begins with a section.
        description: the other text without the sections; CommonMark.
        parameters: the texts of ``Args:`` by name.
        returns: the text of ``Returns:``.
        raises: the texts of ``Raises:`` by the name of the exception.
        responses: the texts of ``Responses:`` by status: ``204: there is nothing to return``.
        headers: the texts of ``Response headers:`` by name.
    """

    summary: str = ""
    description: str = ""
    parameters: Mapping[str, str] = _NO_TEXTS
    returns: str = ""
    raises: Mapping[str, str] = _NO_TEXTS
    responses: Mapping[int, str] = attrs.field(factory=dict)
    headers: Mapping[str, str] = _NO_TEXTS

    @classmethod
    def parse(cls, text: str | None) -> "Docstring":
        """Parse *text* after `inspect.cleandoc`."""
        lines = (text or "").strip().splitlines()
        if not lines:
            return cls()
        summary, rest = _first_paragraph(lines)
        kept, sections = _split(rest)
        found: dict[str, dict[str, str]] = {
            "parameters": {},
            "raises": {},
            "responses": {},
            "headers": {},
        }
        returns = ""
        for kind, heading, body in sections:
            if kind == "returns":
                returns = _joined(body)
            elif (entries := _entries(body)) is not None and _are_for(kind, entries):
                found[kind] |= entries
            else:
                kept += ["", f"{heading}:", *(f"    {line}" for line in body)]
        return cls(
            summary,
            "\n".join(kept).strip(),
            MappingProxyType(found["parameters"]),
            returns,
            MappingProxyType(found["raises"]),
            {int(status): text for status, text in found["responses"].items()},
            MappingProxyType(found["headers"]),
        )


def _first_paragraph(lines: list[str]) -> tuple[str, list[str]]:
    """Return the lines before the first empty line or section as one line, and the other lines."""
    count = 0
    while count < len(lines) and lines[count].strip() and not _is_section(lines, count):
        count += 1
    return " ".join(line.strip() for line in lines[:count]), lines[count:]


def _is_section(lines: list[str], place: int) -> bool:
    """Whether a section begins at *place*: a heading with an indented line below it."""
    heading = _HEADING.fullmatch(lines[place])
    has_body = place + 1 < len(lines) and lines[place + 1].startswith(" ")
    return heading is not None and heading[1].lower() in _SECTIONS and has_body


def _split(lines: list[str]) -> tuple[list[str], list[tuple[str, str, list[str]]]]:
    """Return the lines outside of sections, and the sections as ``(kind, heading, lines)``; their
    lines are not indented."""
    kept: list[str] = []
    sections: list[tuple[str, str, list[str]]] = []
    body: list[str] | None = None
    for place, line in enumerate(lines):
        if _is_section(lines, place):
            body, heading = [], line.strip().removesuffix(":")
            sections.append((_SECTIONS[heading.lower()], heading, body))
        elif body is not None and (line.startswith(" ") or not line.strip()):
            body.append(line)
        else:
            body = None
            kept.append(line)
    return kept, [(kind, heading, _dedented(body)) for kind, heading, body in sections]


def _dedented(lines: list[str]) -> list[str]:
    indents = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    indent = min(indents, default=0)
    return [line[indent:].rstrip() for line in lines]


def _entries(lines: list[str]) -> dict[str, str] | None:
    """Return the entries ``name: text``, whose next lines are indented; None: the text has another
    form."""
    found: dict[str, str] = {}
    name = ""
    for line in filter(None, lines):
        if line.startswith(" "):
            if not name:
                return None
            found[name] = f"{found[name]} {line.strip()}".strip()
            continue
        names, _, text = line.partition(":")
        parts = [_NAME.fullmatch(part.strip()) for part in names.split(",")]
        if not all(parts):
            return None
        for part in parts:
            assert part is not None
            name = part[1]
            found[name] = text.strip()
    return found


def _are_for(kind: str, entries: Mapping[str, str]) -> bool:
    """Whether the entries are valid in the section: statuses in ``Responses:``, else names."""
    return all(name.isdigit() == (kind == "responses") for name in entries)


def _joined(lines: list[str]) -> str:
    return "\n".join(lines).strip()
