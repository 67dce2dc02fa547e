"""Translates the notation of Impress to the source of a Jinja2 template, with the same lines."""

import re

from bundles.web.templates.notation import Block, Node, Part, Text, Value
from bundles.web.templates.reading import KEY, VALUE, reading_of, uses_key

ELEMENT = "_element"
"""The variable with the current element; at the top it is the data of the page."""

INDEX = "_key"
"""The variable with the key or the number of the current element."""

_SPECIAL = re.compile(r"[{\r]")
"""Characters that Jinja2 would not copy: the beginning of its tags, and a carriage return."""


def translate(nodes: tuple[Node, ...], own_name: str) -> str:
    """Return the source for the template *own_name*. Jinja2 drops the last line break of a
    source, so it is written as a value."""
    source = "".join(_source(node, own_name) for node in nodes)
    if source.endswith("\n"):
        source = source[:-1] + _quoted_output("\n")
    return source


def _source(node: Node, own_name: str) -> str:
    if isinstance(node, Text):
        return _SPECIAL.sub(lambda match: _quoted_output(match[0]), node.text)
    if isinstance(node, Value):
        return f"{{{{ {_expression(node)} }}}}"
    if isinstance(node, Part):
        return (
            f"{{% for {INDEX}, {ELEMENT} in {ELEMENT}|_parts({_path(node.name)}, {INDEX}, "
            f"{node.name == own_name}) %}}{{% include {node.name!r} %}}{{% endfor %}}"
        )
    return _block(node, own_name)


def _expression(value: Value) -> str:
    if not value.relative:
        return f"{value.path}|_data({ELEMENT})"
    name = value.path[0]
    if len(value.path) > 1 or name.startswith("_"):
        return f"{ELEMENT}|_path({value.path})"
    if name == KEY:
        return f"{ELEMENT}|_key({INDEX})"
    return f"{ELEMENT}|_value" if name == VALUE else f"{ELEMENT}|_field({name!r})"


def _block(block: Block, own_name: str) -> str:
    target, elements = ELEMENT, "_each"
    if uses_key(block.body):
        target, elements = f"{INDEX}, {ELEMENT}", "_pairs"
    body = "".join(_source(node, own_name) for node in block.body)
    call = f"{elements}({_path(block.name)}, {reading_of(block.body)!r})"
    return f"{{% for {target} in {ELEMENT}|{call} %}}{body}{{% endfor %}}"


def _path(name: str) -> str:
    return repr(tuple(name.split(".")))


def _quoted_output(character: str) -> str:
    return f"{{{{ {character!r} }}}}"
