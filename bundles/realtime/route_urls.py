"""Converts paths of route files, in the notation of IOServer, to templates of the kernel."""

import re

_PARAMETER = re.compile(r"::|:(?P<name>[A-Za-z_]\w*)|\{[^{}]*\}", re.ASCII)
_ASCII_CLASSES = re.compile(r"\\[dwsbDWSB]")
WILDCARD = "wildcard"
"""The name of the parameter for ``*``."""


def template_of(url: str) -> str:
    """Return the template for *url*. ``:id`` and ``{id}`` are parameters, ``:id(^\\d+$)`` is one
    with a pattern, ``*`` at the end is the rest of the path, and ``::`` is a colon.

    Raises:
        ValueError: a pattern does not end, a parameter is optional, or a ``*`` is not at the end.
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
            raise ValueError(
                f"optional parameters such as :{name}? are not supported; write two entries, one "
                f"without it"
            )
        else:
            parts.append(f"{{{name}}}")
    tail = url[end:]
    if "*" in "".join(parts[::2]) or "*" in tail[:-1]:
        raise ValueError("a '*' is not at the end; write a parameter instead")
    if tail.endswith("*"):
        tail = f"{tail[:-1]}{{{WILDCARD}:path}}"
    return "".join(parts) + tail


def _pattern_at(url: str, start: int) -> tuple[str, int]:
    """Return the pattern in the parentheses at *start*, converted to Python, and its end."""
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
    raise ValueError("a pattern has no closing ')'; add it")


def _to_python(pattern: str) -> str:
    """Remove the anchors, since a parameter is always matched as a whole. Make ``\\d`` and similar
    classes match only ASCII, as in JavaScript."""
    pattern = pattern.removeprefix("^")
    if pattern.endswith("$") and not pattern.endswith("\\$"):
        pattern = pattern[:-1]
    pattern = re.sub(r"(?<!\\)/", r"\/", pattern)
    return f"(?a:{pattern})" if _ASCII_CLASSES.search(pattern) else pattern
