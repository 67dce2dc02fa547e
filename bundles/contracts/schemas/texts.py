"""Converts the texts of a path, a query or a form to JSON values.

No rules are checked here: the schema checks the values afterwards, like those of a JSON body.
"""

import functools
from collections.abc import Callable, Mapping
from types import MappingProxyType, UnionType
from typing import Annotated, Any, get_args, get_origin
from typing import Union as UnionOf

from bundles.contracts.schemas.nodes import (
    Array,
    Dictionary,
    Enumeration,
    Node,
    Scalar,
    Struct,
    Tuple,
    Union,
    resolved,
)
from rxkernel import UnprocessableEntityException, Validator

_NO_VALUE: Any = object()


def read_texts(node: Node, value: Any) -> Any:
    """Return *value* with its texts converted to the JSON values that *node* expects.

    A text that cannot be converted is unchanged; the schema reports it. If *node* is an array, one
    text becomes its only item.
    """
    node = resolved(node)
    read = _READERS.get(type(node))
    return value if read is None else read(node, value)


def alternatives_of(node: Node) -> list[Node]:
    """Return the members of a union, or *node* alone."""
    return list(map(resolved, node.alternatives)) if isinstance(node, Union) else [node]


def is_text(node: Scalar) -> bool:
    """Whether every text is a valid value of *node*, apart from its rules."""
    if node.type.family != "other":
        return node.type.family == "text"
    return not {str, bytes, Any}.isdisjoint(_members(node.type.type))


def _bare(type_: Any) -> Any:
    """Return *type_* without constraints and rules."""
    while get_origin(type_) is Annotated:
        type_ = get_args(type_)[0]
    return type_


def _members(type_: Any) -> tuple[Any, ...]:
    bare = _bare(type_)
    is_union = get_origin(bare) in (UnionOf, UnionType)
    return tuple(map(_bare, get_args(bare))) if is_union else (bare,)


@functools.cache
def _validator(type_: Any) -> Validator:
    return Validator(type_)


def _converted(type_: Any, text: str) -> Any:
    """Return the value of *type_* in *text*; `_NO_VALUE` if it is invalid."""
    try:
        return _validator(type_).validate(text, lenient=True)
    except UnprocessableEntityException:
        return _NO_VALUE


_ARRAYS = (list, set, frozenset, tuple)

_NUMBERS: Mapping[str, Any] = MappingProxyType({"integer": int, "number": int | float})


def _read_scalar(node: Scalar, value: Any) -> Any:
    if node.type.family == "text":
        return value
    return _read_type(_NUMBERS.get(node.type.family, node.type.type), value)


def _read_type(type_: Any, value: Any) -> Any:
    """Do the same as `read_texts` for a Python type."""
    item = _item_type(type_)
    if item is not _NO_VALUE:
        items = [value] if isinstance(value, str) else value
        return [_read_type(item, each) for each in items] if isinstance(items, list) else value
    members = _members(type_)
    is_read = isinstance(value, str) and str not in members
    if not is_read or not all(isinstance(member, type) for member in members):
        return value
    found = _converted(UnionOf[members], value)  # noqa: UP007 - made of a tuple
    return value if found is _NO_VALUE else found


def _item_type(type_: Any) -> Any:
    """Return the type of the items if *type_* is an array of any length, otherwise `_NO_VALUE`."""
    [member, *others] = _members(type_)
    origin, arguments = get_origin(member) or member, get_args(member)
    is_array = origin in _ARRAYS and (origin is not tuple or arguments[1:] in ((), (...,)))
    return (*arguments, Any)[0] if is_array and not others else _NO_VALUE


def _read_enumeration(node: Enumeration, value: Any) -> Any:
    if not isinstance(value, str) or value in node.values:
        return value
    others = [each for each in node.values if isinstance(each, int | float)]
    for each in sorted(others, key=lambda other: isinstance(other, bool)):
        if _converted(type(each), value) == each:
            return each
    return value


def _read_struct(node: Struct, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    parts = {name: node.fields.get(name, node.other) for name in value}
    return {
        name: value[name] if part is None else read_texts(part, value[name])
        for name, part in parts.items()
    }


def _read_array(node: Array, value: Any) -> Any:
    items = [value] if isinstance(value, str) else value
    return [read_texts(node.item, each) for each in items] if isinstance(items, list) else value


def _read_tuple(node: Tuple, value: Any) -> Any:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or len(items) > len(node.items):
        return items
    return [read_texts(item, each) for (_, item), each in zip(node.items, items, strict=False)]


def _read_dictionary(node: Dictionary, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: read_texts(node.value, each) for name, each in value.items()}


_KINDS: Mapping[type, tuple[type[Node], ...]] = MappingProxyType(
    {str: (Scalar, Enumeration), dict: (Struct, Dictionary), list: (Array, Tuple)}
)


def _read_union(node: Union, value: Any) -> Any:
    alternatives = alternatives_of(node)
    wanted = _KINDS.get(type(value), ())
    fitting = [each for each in alternatives if isinstance(each, wanted)]
    if any(isinstance(each, Scalar) and is_text(each) for each in fitting):
        return value
    if isinstance(value, str) and not fitting:
        fitting = [each for each in alternatives if isinstance(each, Array | Tuple)]
    found = (read_texts(each, value) for each in fitting)
    return next((each for each in found if each is not value), value)


_READERS: Mapping[type, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        Scalar: _read_scalar,
        Enumeration: _read_enumeration,
        Struct: _read_struct,
        Array: _read_array,
        Tuple: _read_tuple,
        Dictionary: _read_dictionary,
        Union: _read_union,
    }
)
