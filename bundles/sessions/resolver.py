"""``session: CurrentSession``, a parameter of an action on every transport."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import attrs
from injector import inject

from bundles.sessions.session import Session
from bundles.sessions.sessions import Sessions
from bundles.sessions.settings import SessionsSettings
from rxkernel import ConfigurationError, Definition, Marker, Parameter, Request


@attrs.frozen
class SessionMarker(Marker):
    """Marks a parameter that gets the session; see `CurrentSession`."""


CurrentSession = Annotated[Session, SessionMarker()]
"""The type of a parameter that gets the session of the client. The first write creates it."""


class SessionResolver:
    @inject
    def __init__(self, sessions: Sessions, settings: SessionsSettings) -> None:
        self._sessions = sessions
        self._cookie = settings.cookie

    def bind(
        self, marker: SessionMarker, parameter: Parameter, definition: Definition
    ) -> Callable[[Request], Awaitable[Session]]:
        if parameter.type is not Session:
            raise ConfigurationError(
                f"parameter {parameter.name!r} of route {definition.name!r} has the type "
                f"{parameter.type}; write {parameter.name}: CurrentSession"
            )
        return self._sessions.of

    def describe(self, marker: SessionMarker, parameter: Parameter) -> dict[str, Any]:
        cookie = {
            "source": "cookie",
            "key": self._cookie,
            "schema": {"type": "string"},
            "required": False,
            "description": "the session",
        }
        return {"inputs": [cookie], "statuses": [401, 413, 429, 503]}
