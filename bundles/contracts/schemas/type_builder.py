"""Builds the Python type of a node, which the kernel reads like the types of typed actions.

A struct becomes a `TypedDict`, so that its value is a plain dict. The type of a named schema is
made before the types of its fields, because schemas may refer to each other.
"""

from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import GenericAlias, MappingProxyType
from typing import Annotated, Any, Literal, TypedDict, TypeGuard, Union

import attrs

from bundles.contracts.schemas.nodes import (
    NO_DEFAULT,
    Anything,
    Array,
    Computed,
    Dictionary,
    Enumeration,
    Json,
    Node,
    Reference,
    Scalar,
    Struct,
    Tuple,
)
from bundles.contracts.schemas.nodes import Union as UnionNode
from bundles.contracts.schemas.rules import (
    OpenStruct,
    checked_by,
    one_of,
    with_defaults,
)
from bundles.contracts.schemas.scalar_annotation import (
    constrained,
    scalar_annotation,
    without_large_bounds,
)
from rxkernel import UnprocessableEntityException, Validator, validated_by

Step = Callable[[], None]


@attrs.define(eq=False)
class TypeBuilder:
    """Builds types. `finish` adds the fields of structs, since schemas may refer to each other."""

    _later: list[Step] = attrs.field(factory=list)
    _checks: list[Callable[[], Iterator[str]]] = attrs.field(factory=list)

    def build(self, node: Node, name: str = "Struct") -> Any:
        """Return the type of *node* with its rules, and ``| None`` if it may be null.

        Args:
            name: the name of the class of a struct.
        """
        if isinstance(node, Struct):
            type_ = self._struct(node, name)
        else:
            type_ = _BUILDERS[type(node)](self, node)
        for check in node.checks:
            type_ = Annotated[type_, validated_by(checked_by(check))]
        if isinstance(node, UnionNode):
            self._checks.append(partial(_check_union, node, type_))
        return Union[type_, None] if node.is_nullable else type_  # noqa: UP007 - of a variable

    def finish(self) -> list[str]:
        """Add the fields of all structs, and return the errors in parts of the types."""
        while self._later:
            self._later.pop()()
        checks, self._checks = self._checks, []
        return [problem for check in checks for problem in check()]

    def _struct(self, node: Struct, name: str) -> Any:
        new: Any = TypedDict  # mypy accepts only calls with literals
        fields = new(name, {})
        self._later.append(lambda: self._fill(fields, node.fields))
        type_ = fields
        if (other := node.other) is not None:
            rule = OpenStruct(fields, frozenset(node.fields))
            self._later.append(lambda: setattr(rule, "other", self.build(other)))
            type_ = Annotated[dict[str, Any], validated_by(rule)]
        if any(field.default is not NO_DEFAULT for field in node.fields.values()):
            defaults: dict[str, Any] = {}
            self._checks.append(partial(_set_defaults, node, fields, defaults))
            type_ = Annotated[type_, validated_by(with_defaults(defaults))]
        return type_

    def _fill(self, fields: Any, nodes: Mapping[str, Node]) -> None:
        types = {key: self.build(node) for key, node in nodes.items()}
        required = frozenset(key for key, node in nodes.items() if node.is_required)
        fields.__annotations__ = types
        fields.__required_keys__ = required
        fields.__optional_keys__ = frozenset(types) - required
        fields.__total__ = len(required) == len(types)


def _set_defaults(node: Struct, fields: Any, defaults: dict[str, Any]) -> Iterator[str]:
    """Set *defaults* to the converted values; yield an error for each invalid one."""
    for key, field in node.fields.items():
        if field.default is NO_DEFAULT:
            continue
        try:
            validator = Validator(fields.__annotations__[key])
            defaults[key] = validator.validate(field.default, "")
        except UnprocessableEntityException as exc:
            entry = exc.errors[0]
            where = f" at {entry['path']!r}" if entry["path"] else ""
            yield (
                f"{field.place}: the default {field.default!r} is invalid{where}: "
                f"{entry['message']}"
            )


def _check_union(node: UnionNode, type_: Any) -> Iterator[str]:
    try:
        Validator(type_)
    except TypeError:
        yield (
            f"{node.place}: the alternatives of a union must have different JSON types, and "
            f"must not have default or validate; write validate in the union"
        )


def _anything(_: TypeBuilder, __: Node) -> Any:
    return Any


def _json(_: TypeBuilder, __: Json) -> Any:
    return dict[str, Any] | list[Any]


def _reference(_: TypeBuilder, node: Reference) -> Any:
    return node.scope.type_of(node.name)


def _scalar(_: TypeBuilder, node: Scalar) -> Any:
    return scalar_annotation(node)


def _enumeration(_: TypeBuilder, node: Enumeration) -> Any:
    types = set(map(type, node.values))
    is_supported = all(not isinstance(v, int) or -(2**63) <= v < 2**63 for v in node.values)
    if is_supported and (types <= {str, type(None)} or types <= {int, type(None)}):
        return Literal[node.values]
    return Annotated[Any, validated_by(one_of(node.values))]


def _lengths(node: Array | Dictionary) -> dict[str, Any]:
    return {"min_length": node.shortest or None, "max_length": node.longest}


def _array(builder: TypeBuilder, node: Array) -> Any:
    item = builder.build(node.item)
    return constrained(GenericAlias(set if node.unique else list, item), _lengths(node))


def _dictionary(builder: TypeBuilder, node: Dictionary) -> Any:
    key, value = builder.build(node.key), builder.build(node.value)
    return constrained(GenericAlias(dict, (key, value)), _lengths(node))


def _tuple(builder: TypeBuilder, node: Tuple) -> Any:
    types = [builder.build(item) for _, item in node.items]
    optional = len(types) - node.required_count
    if not optional:
        return GenericAlias(tuple, tuple(types))
    names = [name or f"item{place}" for place, (name, _) in enumerate(node.items)]
    made = namedtuple("Tuple", names, rename=True, defaults=[None] * optional)  # type: ignore[misc]
    made.__annotations__ = dict(zip(made._fields, types, strict=True))
    return made


def _union(builder: TypeBuilder, node: UnionNode) -> Any:
    nodes, rule = list(node.alternatives), None
    numbers = [each for each in nodes if _is_number(each)]
    if len(numbers) == 1:
        bare, rule = without_large_bounds(numbers[0])
        nodes[nodes.index(numbers[0])] = bare
    type_: Any = Union[tuple(map(builder.build, nodes))]  # noqa: UP007 - made of a tuple
    return type_ if rule is None else Annotated[type_, validated_by(rule)]


def _is_number(node: Node) -> TypeGuard[Scalar]:
    return isinstance(node, Scalar) and node.type.family in ("integer", "number")


_BUILDERS: Mapping[type, Callable[[TypeBuilder, Any], Any]] = MappingProxyType(
    {
        Anything: _anything,
        Computed: _anything,
        Json: _json,
        Reference: _reference,
        Scalar: _scalar,
        Enumeration: _enumeration,
        Array: _array,
        Dictionary: _dictionary,
        Tuple: _tuple,
        UnionNode: _union,
    }
)
