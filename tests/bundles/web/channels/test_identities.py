"""The end of identities, which ends streams and WebSockets."""

import time
from collections.abc import AsyncIterator

import pytest

from bundles.security import RevokedEvent, SecuritySettings, Token, TokenSettings, TokensInUseEvent
from bundles.sessions import SessionEnd, SessionEndedEvent, Sessions, SessionsBundle
from bundles.web.channels import identities as identities_module
from bundles.web.channels.identities import Identities
from rxkernel import Application, Request, ShutdownEvent
from tests.waiting import until


@pytest.fixture
async def identities() -> AsyncIterator[Identities]:
    async with Application(bundles=[SessionsBundle]) as application:
        settings = SecuritySettings(tokens=TokenSettings(leeway=0))
        yield Identities(settings, application.injector.get(Sessions))


def request_of(credential: str = "bearer", **fields: object) -> Request:
    given = {"user": "ada", "identifier": "ada", "id": "1", **fields}
    token = Token(credential=credential, **given)  # type: ignore[arg-type] # of the tests
    return Request("HTTP", token=token, received_at=time.perf_counter())


async def test_identity_whose_token_is_revoked_ends_once(identities: Identities) -> None:
    ended: list[str] = []
    identities.watch(request_of(), lambda: ended.append("one"))
    identities.watch(request_of(id="2"), lambda: ended.append("two"))

    await identities.revoke(RevokedEvent("ada", "1"))
    await identities.revoke(RevokedEvent("ada", "1"))
    assert ended == ["one"]
    await identities.revoke(RevokedEvent("bob"))
    assert ended == ["one"]
    await identities.revoke(RevokedEvent("ada"))

    assert ended == ["one", "two"]


async def test_identities_of_access_tokens_are_tokens_in_use(identities: Identities) -> None:
    """After a gap in the messages of other processes, the bundle security looks these tokens
    up."""
    first, second, event = request_of(), request_of(), TokensInUseEvent()
    second.received_at += 100
    for request in (second, first, request_of("session", id="2"), request_of("basic", id=None)):
        identities.watch(request, lambda: None)

    await identities.add_tokens(event)

    assert list(event.tokens) == ["1"]
    identifier, since = event.tokens["1"]
    assert identifier == "ada"
    assert since < time.time() + 50


async def test_identity_of_a_session_ends_with_it(identities: Identities) -> None:
    ended: list[str] = []
    identities.watch(request_of("session"), lambda: ended.append("user"))
    anonymous = request_of("session", user=None, identifier=None)
    identities.watch(anonymous, lambda: ended.append("anonymous"))
    identities.watch(request_of("bearer"), lambda: ended.append("bearer"))

    await identities.session_ended(SessionEndedEvent("1", None, SessionEnd.ROTATED))

    assert ended == ["user", "anonymous"]


async def test_identity_ends_when_its_token_expires(identities: Identities) -> None:
    ended: list[str] = []

    identities.watch(request_of(expires=time.time() + 0.05), lambda: ended.append("expired"))
    assert ended == []

    await until(lambda: ended == ["expired"])


async def test_identity_that_lives_longer_than_a_timer_is_looked_at_again(
    identities: Identities, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[float] = []
    monkeypatch.setattr(identities_module, "_LONGEST_TIMER", 0.01)
    expires = time.time() + 0.1

    identities.watch(request_of(expires=expires), lambda: ended.append(time.time()))
    await until(lambda: ended)

    assert ended[0] >= expires


async def test_identity_that_has_ended_since_its_request_ends_at_once(
    identities: Identities,
) -> None:
    """The request was authenticated before."""
    ended: list[str] = []
    request = request_of()
    await identities.revoke(RevokedEvent("ada"))

    identities.watch(request, lambda: ended.append("before"))
    identities.watch(request_of(), lambda: ended.append("after"))

    assert ended == ["before"]


async def test_identity_whose_watch_has_ended_is_not_called(identities: Identities) -> None:
    release = identities.watch(request_of(expires=time.time() + 60), lambda: pytest.fail("called"))

    release()
    release()
    await identities.revoke(RevokedEvent("ada"))


async def test_identity_of_a_request_without_token_has_no_end(identities: Identities) -> None:
    identities.watch(Request("HTTP"), lambda: pytest.fail("called"))()


async def test_identities_forget_ends_after_a_while(
    identities: Identities, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_of()
    await identities.revoke(RevokedEvent("ada"))
    later = time.perf_counter() + 700
    monkeypatch.setattr(time, "perf_counter", lambda: later)
    await identities.revoke(RevokedEvent("bob"))

    identities.watch(request, lambda: pytest.fail("called"))()


async def test_identities_cancel_their_timers_at_shutdown(identities: Identities) -> None:
    identities.watch(request_of(expires=time.time() + 60), lambda: pytest.fail("called"))

    await identities.shut_down(ShutdownEvent(None))  # type: ignore[arg-type] # not read
    await identities.revoke(RevokedEvent("ada"))
