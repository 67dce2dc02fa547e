"""Finds parameters that are meant for the current user, but would be read from the message."""

import inspect
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, get_origin, get_type_hints

from injector import inject

from bundles.security.current_user import members_of, user_class
from bundles.security.users import UserProvider
from rxkernel import (
    ApplicationEvents,
    BootstrapEvent,
    ConfigurationError,
    Marker,
    ReloadEvent,
    RouteMetadata,
    observe,
    unreadable,
)


class UserParameters:
    """Refuses ``user: Account`` in an action, if the provider loads `Account`: it would be read
    from the body, so that a client could choose its user.

    Users of a builtin class, such as str, are not checked: other parameters have that class too.
    """

    @inject
    def __init__(self, users: UserProvider) -> None:  # type: ignore[type-arg] # as a key
        self._kind = kind = checked_class(users)
        self._from_body = ""
        if kind is not None and unreadable(kind) is None:
            name = kind.__qualname__
            self._from_body = f", or Annotated[{name}, Body()] to read it from the body"

    @observe(ApplicationEvents.BOOTSTRAP, priority=-1000)
    async def check(self, event: BootstrapEvent) -> None:
        """Check the actions of all routes."""
        self._check(event.http_metadata_storage)
        self._check(event.websocket_metadata_storage)
        self._check(event.procedure_metadata_storage)

    @observe(ApplicationEvents.RELOAD, priority=-1000)
    async def check_again(self, event: ReloadEvent) -> None:
        """Check the actions of a reload."""
        self._check(event.routes)

    def _check(self, routes: Iterable[RouteMetadata]) -> None:
        if self._kind is None:
            return
        problems = [problem for route in routes for problem in self._problems(route)]
        if problems:
            raise ConfigurationError(*dict.fromkeys(problems))

    def _problems(self, route: RouteMetadata) -> Iterator[str]:
        assert self._kind is not None
        kind = self._kind.__qualname__
        action = route.action
        method = action if callable(action) else getattr(route.target, action, None)
        for name, type_ in _hints(method):
            if any(self._kind is _without_notes(each) for each in members_of(type_)):
                yield (
                    f"route {route.key!r} ({route.place}) would read the parameter {name!r} of "
                    f"the class {kind} from the message; write CurrentUser[{kind}] for the user "
                    f"who has sent it{self._from_body}"
                )


def _without_notes(type_: Any) -> Any:
    """Return *type_*; without its metadata, if that has no marker."""
    is_noted = get_origin(type_) is Annotated
    if is_noted and not any(map(_is_marker, type_.__metadata__)):
        return type_.__origin__
    return type_


def _is_marker(extra: Any) -> bool:
    return isinstance(extra, Marker) or (isinstance(extra, type) and issubclass(extra, Marker))


def checked_class(users: UserProvider[Any]) -> type[Any] | None:
    """Return the class of *users*, which clients must not send; None if it is builtin or
    unknown."""
    kind = user_class(type(users))
    return None if kind is None or kind.__module__ == "builtins" else kind


def _hints(action: Any) -> list[tuple[str, Any]]:
    """The types of the parameters of *action*; an empty list if one cannot be read: the kernel
    reports that."""
    try:
        parameters = inspect.signature(action).parameters
        hints = get_type_hints(action, include_extras=True)
    except Exception:  # noqa: BLE001 - whatever an annotation raises
        return []
    return [(name, hints[name]) for name in parameters if name in hints]
