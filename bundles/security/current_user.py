"""``CurrentUser[Account]``: the user of a message as an argument of an action."""

from collections.abc import Callable
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import attrs
from injector import inject

from bundles.security.exceptions import Unauthenticated
from bundles.security.users import UserProvider
from rxkernel import ConfigurationError, Definition, Marker, Parameter, Request

U = TypeVar("U")


@attrs.frozen
class CurrentUserMarker(Marker):
    """The marker of `CurrentUser`."""


CurrentUser = Annotated[U, CurrentUserMarker()]
"""The user who sent the message: ``user: CurrentUser[Account]``. Without another rule the route is
for authenticated clients. ``CurrentUser[Account] | None`` is None for anonymous clients."""


class CurrentUserResolver:
    """Returns the user from the token of the request."""

    @inject
    def __init__(self, users: UserProvider) -> None:  # type: ignore[type-arg] # as a key
        self._kind = user_class(type(users))

    def bind(
        self, marker: CurrentUserMarker, parameter: Parameter, definition: Definition
    ) -> Callable[[Request], Any]:
        members = [m for m in members_of(parameter.type) if m is not NoneType]
        kind = members[0]
        if len(members) > 1 or not isinstance(kind, type):
            return _required if is_required(parameter) else _optional
        if self._kind is not None and not _is_subclass(self._kind, kind):
            raise ConfigurationError(
                f"its type is {kind.__qualname__}, but the provider loads "
                f"{self._kind.__qualname__}; write CurrentUser[{self._kind.__qualname__}]"
            )
        return _required if is_required(parameter) else _optional

    def describe(self, marker: CurrentUserMarker, parameter: Parameter) -> dict[str, Any]:
        """What a client must send, for documentation: its credential, no input."""
        return {"inputs": [], "statuses": [401] if is_required(parameter) else []}


def takes_user(definition: Definition) -> bool:
    """Whether the action of *definition* needs a user."""
    return any(
        isinstance(p.marker, CurrentUserMarker) and is_required(p)
        for p in definition.signature.parameters
    )


def takes_optional_user(definition: Definition) -> bool:
    """Whether the action of *definition* takes the user of a client that has one."""
    return any(
        isinstance(p.marker, CurrentUserMarker) and not is_required(p)
        for p in definition.signature.parameters
    )


def is_required(parameter: Parameter) -> bool:
    """Whether *parameter*, a `CurrentUser`, may not be None."""
    return NoneType not in members_of(parameter.type)


def members_of(type_: Any) -> tuple[Any, ...]:
    """The types that *type_* is a union of, or itself."""
    return get_args(type_) if get_origin(type_) in (Union, UnionType) else (type_,)


def user_class(provider: type[Any]) -> type[Any] | None:
    """The class of users of *provider*, a subclass of ``UserProvider[Account]``, if it says so."""
    for base in (b for cls in provider.__mro__ for b in getattr(cls, "__orig_bases__", ())):
        if get_origin(base) is UserProvider:
            (kind,) = get_args(base)
            return kind if isinstance(kind, type) else None
    return None


def _is_subclass(kind: type[Any], wanted: type[Any]) -> bool:
    try:
        return issubclass(kind, wanted)
    except TypeError:  # a protocol with attributes
        return True


def _required(request: Request) -> Any:
    if (user := request.user) is None:  # a listener has set a token without a user
        raise Unauthenticated
    return user


def _optional(request: Request) -> Any:
    return request.user
