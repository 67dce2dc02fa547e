"""Paths of route files, as IOServer writes them, to templates of the kernel."""

import re

_PARAMETER = re.compile(r"::|:(?P<name>[A-Za-z_]\w*)|\{[^{}]*\}", re.ASCII)
_ASCII_CLASSES = re.compile(r"\\[dwsbDWSB]")
WILDCARD = "wildcard"
"""The name of the parameter for ``*``."""


def template_of(url: str) -> str:
    """Return the template for *url*: ``:id`` and ``{id}`` are parameters, ``:id(^\\d+$)`` has a
    pattern, ``*`` at the end is the rest of the path, ``::`` a colon.

    Raises:
        ValueError: a pattern does not end, or a ``*`` is not at the end.
    """
    parts: list[str] = []
    end = 0
    while (found := _PARAMETER.search(url, end)) is not None:
        parts.append(url[end : found.start()])
        end = found.end()
        if found[0] == "::":
            parts.append(":")
        elif (name := found["name"]) is None:
            parts.append(found[0])
        elif url[end : end + 1] == "(":
            pattern, end = _pattern_at(url, end)
            parts.append(f"{{{name}:/{pattern}/}}")
        elif url[end : end + 1] == "?":
            raise ValueError(f"the parameter :{name}? is optional; write two entries, one without")
        else:
            parts.append(f"{{{name}}}")
    tail = url[end:]
    if "*" in "".join(parts[::2]) or "*" in tail[:-1]:
        raise ValueError("a '*' is not at the end; write a parameter in its place")
    if tail.endswith("*"):
        tail = f"{tail[:-1]}{{{WILDCARD}:path}}"
    return "".join(parts) + tail


def _pattern_at(url: str, start: int) -> tuple[str, int]:
    """Return the pattern in the parentheses at *start*, as one of Python, and where it ends."""
    depth, place, in_class = 0, start, False
    while place < len(url):
        character = url[place]
        if character == "\\":
            place += 1
        elif in_class:
            in_class = character != "]"
        elif character == "[":
            in_class = True
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth == 0:
                return _to_python(url[start + 1 : place]), place + 1
        place += 1
    raise ValueError("a pattern has no ')' at its end; add it")


def _to_python(pattern: str) -> str:
    """Remove the anchors, which a parameter has anyway; ``\\d`` matches ASCII digits only, as in
    JavaScript."""
    pattern = pattern.removeprefix("^")
    if pattern.endswith("$") and not pattern.endswith("\\$"):
        pattern = pattern[:-1]
    pattern = re.sub(r"(?<!\\)/", r"\/", pattern)
    return f"(?a:{pattern})" if _ASCII_CLASSES.search(pattern) else pattern
