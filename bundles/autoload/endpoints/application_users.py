"""The users of the application, as far as endpoints depend on them."""

import typing
from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, get_args, get_origin

import attrs

from bundles.autoload.endpoints.access import Access
from bundles.contracts import Schema
from bundles.contracts.schemas.nodes import Node, Scalar, Struct, Union, resolved


@attrs.frozen
class ApplicationUsers:
    """The users that the bundle security loads.

    Attributes:
        kind: their class; None if it is unknown, or a builtin class, which arguments may have too.
        is_empty: whether the application has no users, so that logins are not possible.
    """

    kind: type[Any] | None
    is_empty: bool

    def problems_of(self, parameters: Schema) -> Iterator[str]:
        """Yield an error for each field of *parameters* that is a user: a client could send any
        user."""
        node = resolved(parameters.node)
        if self.kind is None or not isinstance(node, Struct):
            return
        kind = self.kind.__qualname__
        for name, field in node.fields.items():
            if self._is_user(field):
                yield (
                    f"argument {name!r} has the class {kind}, so that a client could send any "
                    f"user; write {name}: CurrentUser[{kind}] for the user who has sent the "
                    f"message, or another class for data from the client"
                )

    def _is_user(self, node: Node) -> bool:
        node = resolved(node)
        if isinstance(node, Union):
            return any(map(self._is_user, node.alternatives))
        return isinstance(node, Scalar) and self.kind in _members_of(node.type.type)

    def cannot_pass(self, access: Access) -> bool:
        """Whether *access* refuses all clients, since there are no users."""
        return self.is_empty and access.needs_user


def _members_of(type_: Any) -> Iterator[Any]:
    """Yield the types in the union *type_*, without their metadata."""
    type_ = getattr(type_, "__value__", type_)
    if get_origin(type_) is Annotated:
        yield from _members_of(type_.__origin__)
    elif get_origin(type_) in (typing.Union, UnionType):
        for member in get_args(type_):
            yield from _members_of(member)
    else:
        yield type_
