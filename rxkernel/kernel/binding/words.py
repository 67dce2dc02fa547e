"""Words for true and false: what the checkbox of a form sends, and people write into a query.

msgspec reads ``true``, ``false``, ``1`` and ``0``; these are looked for where it failed.
"""

from operator import is_
from types import MappingProxyType
from typing import Any, get_args

from rxkernel.kernel.binding.class_nodes import Choice, Object
from rxkernel.kernel.binding.nodes import Items, Leaf, Node

_WORDS = MappingProxyType({"on": True, "yes": True, "off": False, "no": False})


def with_words(node: Node, raw: Any) -> Any:
    """*raw*, of texts, with the words in place of a bool replaced by it; itself if there are
    none."""
    if isinstance(raw, str):
        is_wanted = isinstance(leaf := _leaf_of(node), Leaf) and _takes_bool(leaf)
        return _WORDS.get(raw.lower(), raw) if is_wanted else raw
    if isinstance(raw, list):
        items = node.array if isinstance(node, Choice) else node
        if not isinstance(items, Items):
            return raw
        made = [with_words(items.item, each) for each in raw]
        return raw if all(map(is_, made, raw)) else made
    if isinstance(raw, dict) and isinstance(node, Object):
        fields = node.inputs
        spoken = {
            key: with_words(fields[key].node, each) if key in fields else each
            for key, each in raw.items()
        }
        return raw if all(map(is_, spoken.values(), raw.values())) else spoken
    return raw


def _leaf_of(node: Node) -> Node | None:
    return node.leaf if isinstance(node, Choice) else node


def _takes_bool(leaf: Leaf) -> bool:
    kinds = get_args(leaf.type) or (leaf.type,)
    return bool in kinds and str not in kinds
