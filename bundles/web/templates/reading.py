"""Decides by the body of a block or part how a mapping is read."""

from typing import Literal

from bundles.web.templates.notation import Node, Value

Reading = Literal["once", "entries", "records"]

KEY = "key"
VALUE = "value"


def reading_of(body: tuple[Node, ...]) -> Reading:
    """Return how *body* reads a mapping.

    - ``entries``: it writes ``@.key@`` or ``@.value@`` and no other value of the element. A
      mapping is a collection, and each of its values is an element.
    - ``records``: it writes other values, such as ``@.name@``. A mapping whose values are all
      mappings, lists or objects is a collection, since its values could not be written as text.
      Any other mapping is one element.
    - ``once``: it writes no value of the element. A mapping is one element.

    ``@.a.b@`` does not count: *a* is a mapping in both cases.
    """
    values = [node for node in body if isinstance(node, Value) and node.relative]
    names = {node.path[0] for node in values if len(node.path) == 1}
    if not names:
        return "once"
    return "entries" if names <= {KEY, VALUE} else "records"


def uses_key(body: tuple[Node, ...]) -> bool:
    return any(isinstance(node, Value) and node.relative and node.path == (KEY,) for node in body)
