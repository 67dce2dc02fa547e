"""Parses the notation of Impress to texts, values, parts and blocks (specs of 2015, §7.3).

``@name@`` and ``@a.b@`` are values of the page's data, ``@.name@`` of the current element.
``@[name]@ … @[/name]@`` is a block; ``@[name]@`` without an end is a part, the template *name*.
``@@`` is the character ``@``. All else is text: e-mail addresses and a single ``@`` too.
"""

import re
from collections.abc import Iterator

import attrs

_SEGMENT = r"[\w$-]+"
_NAME = rf"(?!\d|-){_SEGMENT}(?:\.{_SEGMENT})*"

_TOKEN = re.compile(
    rf"@(?:(?P<at>@)|(?P<relative>\.?)(?P<value>{_NAME})@|\[(?P<end>/?)(?P<block>[^\]@\n]*)\]@"
    rf"|\[(?P<broken>{_NAME}(?=@)|/{_NAME}(?=@|\])))"
)
_BLOCK_NAME = re.compile(_NAME)


@attrs.frozen
class Text:
    text: str


@attrs.frozen
class Value:
    """``@a.b@``; with *relative* ``@.a.b@``."""

    path: tuple[str, ...]
    relative: bool


@attrs.frozen
class Part:
    """``@[name]@``: the template *name*, once for each element of the data *name*."""

    name: str
    line: int


@attrs.frozen
class Block:
    """``@[name]@ … @[/name]@``: *body*, once for each element of the data *name*."""

    name: str
    body: "tuple[Node, ...]"


Node = Text | Value | Part | Block


@attrs.frozen
class Mistake:
    """A problem of the text, at a line."""

    message: str
    line: int


@attrs.define(eq=False)
class _Open:
    """The nodes after ``@[name]@``, which becomes a block when its end is found."""

    name: str
    line: int
    body: list[Node] = attrs.field(factory=list)


def parse(text: str) -> tuple[tuple[Node, ...], list[Mistake]]:
    """Return the nodes of *text* and the mistakes in it."""
    open_: list[_Open] = [_Open("", 0)]
    mistakes: list[Mistake] = []
    crossed: dict[str, _End] = {}
    for token in _tokens(text):
        if isinstance(token, _End):
            problem = _close(open_, token, crossed)
            if problem:
                mistakes.append(Mistake(problem, token.line))
        elif isinstance(token, Mistake):
            mistakes.append(token)
        elif isinstance(token, _Open):
            open_.append(token)
        else:
            open_[-1].body.append(token)
    _to_parts(open_, 1)
    return tuple(open_[0].body), mistakes


@attrs.frozen
class _End:
    name: str
    line: int


def _tokens(text: str) -> Iterator[Text | Value | _Open | _End | Mistake]:
    done, line = 0, 1
    for match in _TOKEN.finditer(text):
        if match.start() > done:
            yield Text(text[done : match.start()])
        line += text.count("\n", done, match.start())
        done = match.end()
        yield _token(match, line)
    if done < len(text):
        yield Text(text[done:])


def _token(match: re.Match[str], line: int) -> Text | Value | _Open | _End | Mistake:
    if match["at"]:
        return Text("@")
    if match["value"]:
        return Value(tuple(match["value"].split(".")), bool(match["relative"]))
    if match["broken"]:
        return Mistake(
            f"{match[0]} is not closed; write @[{match['broken']}]@, or @{match[0]} for this text "
            f"itself",
            line,
        )
    name = match["block"]
    if name[:1] == "." and _BLOCK_NAME.fullmatch(name[1:]):
        return Mistake(
            f"{match[0]} has an invalid name; write @[{match['end']}{name[1:]}]@, which in a "
            f"block is the value of the current element",
            line,
        )
    if not _BLOCK_NAME.fullmatch(name):
        return Mistake(
            f"{match[0]} has an invalid name; write letters, digits, _, - and dots, as in "
            f"@[name]@, or @{match[0]} for this text itself",
            line,
        )
    return _End(name, line) if match["end"] else _Open(name, line)


def _close(open_: list[_Open], end: _End, crossed: dict[str, _End]) -> str | None:
    """Close the innermost block with the name of *end*; return the problem if none is open.

    *crossed* has ends that closed an outer block, by the names of the blocks that were open
    inside.
    """
    name = end.name
    for index in range(len(open_) - 1, 0, -1):
        if open_[index].name == name:
            crossed |= {inner.name: end for inner in open_[index + 1 :]}
            _to_parts(open_, index + 1)
            block = open_.pop()
            open_[-1].body.append(Block(name, tuple(block.body)))
            return None
    outer = crossed.get(name)
    if outer is not None:
        return (
            f"@[/{outer.name}]@ in line {outer.line} ends @[{outer.name}]@ while @[{name}]@ is "
            f"open; write @[/{name}]@ before it"
        )
    return f"@[/{name}]@ ends a block that is not open here; write @[{name}]@ before it"


def _to_parts(open_: list[_Open], index: int) -> None:
    """Turn the nodes of *open_* from *index* on into parts, since their ends are missing."""
    for part in open_[index:]:
        open_[index - 1].body += [Part(part.name, part.line), *part.body]
    del open_[index:]


def parts_of(nodes: tuple[Node, ...]) -> Iterator[Part]:
    """Return the parts in *nodes* and in their blocks."""
    for node in nodes:
        if isinstance(node, Part):
            yield node
        elif isinstance(node, Block):
            yield from parts_of(node.body)
