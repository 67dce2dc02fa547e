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
"""The user who sent the message: ``user: CurrentUser[Account]``. A route with it and without a
rule is for authenticated clients. ``CurrentUser[Account] | None`` is None for anonymous
clients."""


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
                f"its type is {kind.__qualname__}, but the UserProvider loads "
                f"{self._kind.__qualname__}; write CurrentUser[{self._kind.__qualname__}]"
            )
        return _required if is_required(parameter) else _optional

    def describe(self, marker: CurrentUserMarker, parameter: Parameter) -> dict[str, Any]:
        """The inputs and errors, for documentation: the credential is not an input."""
        return {"inputs": [], "statuses": [401] if is_required(parameter) else []}


def takes_user(definition: Definition) -> bool:
    """Whether the action of *definition* needs a user."""
    return any(
        isinstance(p.marker, CurrentUserMarker) and is_required(p)
        for p in definition.signature.parameters
    )


def takes_optional_user(definition: Definition) -> bool:
    """Whether the action of *definition* takes the user, or None for anonymous clients."""
    return any(
        isinstance(p.marker, CurrentUserMarker) and not is_required(p)
        for p in definition.signature.parameters
    )


def is_required(parameter: Parameter) -> bool:
    """Whether *parameter*, a `CurrentUser`, may not be None."""
    return NoneType not in members_of(parameter.type)


def members_of(type_: Any) -> tuple[Any, ...]:
    """The members of the union *type_*; *type_* itself if it is not a union."""
    return get_args(type_) if get_origin(type_) in (Union, UnionType) else (type_,)


def user_class(provider: type[Any]) -> type[Any] | None:
    """The class ``Account`` of *provider*, a subclass of ``UserProvider[Account]``; None if it is
    not given, or not a class."""
    kind = _loaded_by(provider)
    return kind if isinstance(kind, type) else None


def _loaded_by(provider: type[Any]) -> Any:
    """The type argument that *provider* has for `UserProvider`, also through generic classes
    between them: `Account` for ``class Accounts(DatabaseUsers[Account])``. A type variable if it
    is open, None if it is not given."""
    for base in vars(provider).get("__orig_bases__", provider.__bases__):
        origin, given = get_origin(base) or base, get_args(base)
        if UserProvider not in getattr(origin, "__mro__", ()):
            continue
        if origin is UserProvider:
            return given[0] if given else None
        found = _loaded_by(origin)
        if isinstance(found, TypeVar):
            variables = origin.__parameters__
            found = dict(zip(variables, given, strict=False)).get(found)
        if found is not None:
            return found
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
