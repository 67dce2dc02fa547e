"""A route that reads a session, and a session for it."""

from time import time

from benchmarks.http.servers import settings
from bundles.sessions import CurrentSession, SessionStore, StoredSession
from bundles.sessions.credentials import id_of
from rxkernel import Application, http


class Reader:
    @http("GET", "/session", "session")
    async def session(self, session: CurrentSession) -> object:
        return settings.HELLO if session["name"] == "ada" else None


async def add_session(application: Application, secret: str) -> None:
    """Store the session that a client with *secret* has."""
    id, now = id_of(secret), time()
    assert id is not None
    store = application.injector.get(SessionStore)  # type: ignore[type-abstract]
    await store.create(StoredSession("key", id, {"name": b'"ada"'}, "ada", "", now, now))
