"""Ends access tokens before they expire: in the store, in the cache and at sockets."""

import logging
import time
from collections.abc import Collection
from functools import partial
from typing import Any

from injector import inject

from bundles.security.events import RevokedEvent, SecurityEvents, TokensInUseEvent
from bundles.security.settings import SecuritySettings
from bundles.security.tokens.access_tokens import AccessTokens
from bundles.security.tokens.store import RefreshRecord, TokenStore
from bundles.sessions.concurrency import run_all
from rxkernel import AsyncEventDispatcher, Peers, current_request

logger = logging.getLogger(__name__)

_REVOKED = "security.revoked"
_MARGIN = 130.0
"""Seconds: twice the largest leeway, and 10 more for rounding and delays."""


class Revocation:
    """A revocation is stored first. Then this process, and the processes that the bundle ``scale``
    connects, drop the token from their caches, and dispatch `SecurityEvents.REVOKED`, which ends
    the identities of sockets.

    A process that may have missed a revocation verifies each token again, and looks up the tokens
    of its sockets and streams in the store. A process that shares the store, but is not connected,
    refuses an access token that it has not verified yet. One that it has verified stays valid
    there until it expires, for at most ``security.tokens.ttl``.
    """

    @inject
    def __init__(
        self,
        settings: SecuritySettings,
        store: TokenStore,
        tokens: AccessTokens,
        dispatcher: AsyncEventDispatcher,
        peers: Peers,
    ) -> None:
        self._settings = settings.tokens
        self._store = store
        self._tokens = tokens
        self._dispatcher = dispatcher
        self._peers = peers
        peers.listen(_REVOKED, self._revoked_elsewhere, in_order=False)
        peers.when_missed(self._look_for_revoked)

    async def end_token(self, identifier: str, access_id: str, expires: float) -> None:
        """End the access token *access_id*, and its login, if it belongs to one."""
        await self._store.revoke(access_id, expires + self._settings.leeway, time.time())
        await self._report(identifier, [access_id])
        record = await self._store.find_by_access(access_id, time.time())
        if record is not None:
            await self.end_login(record)

    async def end_login(self, record: RefreshRecord) -> None:
        """End the login of the refresh token *record*, with its access tokens."""
        ended = await self._store.end_family(record.family, time.time())
        await self._report(record.identifier, [access.id for access in ended])

    async def _report(self, identifier: str, access_ids: Collection[str]) -> None:
        self._forget(identifier, access_ids)
        self._send(identifier, access_ids, is_ended=True)
        await self._dispatch(identifier, access_ids)

    def _forget(self, identifier: str, access_ids: Collection[str] | None) -> None:
        if access_ids is None:
            self._tokens.forget(lambda claims: claims.identifier == identifier)
        else:
            ids = frozenset(access_ids)
            self._tokens.forget(lambda claims: claims.id in ids)

    async def _dispatch(self, identifier: str, access_ids: Collection[str | None]) -> None:
        for id in access_ids:
            event = RevokedEvent(identifier, id, current_request.get())
            await self._dispatcher.dispatch(SecurityEvents.REVOKED, event)

    async def end_tokens_of(self, identifier: str) -> None:
        """End all logins of a user, and all access tokens that were issued until now."""
        now = time.time()
        until = now + max(self._settings.ttl, self._settings.refresh_max_age) + _MARGIN
        try:
            await self._store.end_user(identifier, now, until)
        finally:  # even if the store fails: without it, verifying a token again fails too
            self._forget(identifier, None)
            self._send(identifier, None, is_ended=False)

    async def end_sockets_of(self, identifier: str) -> None:
        """End the sockets of a user, after its tokens and sessions."""
        self._send(identifier, None, is_ended=True)
        await self._dispatch(identifier, [None])

    async def has_ended(self, identifier: str, since: float) -> bool:
        """Whether `end_tokens_of` was called with *identifier* after *since*."""
        return await self._store.is_revoked("", identifier, since)

    # --- other processes

    def _send(
        self, identifier: str, access_ids: Collection[str] | None, *, is_ended: bool
    ) -> None:
        """Send a revocation to the other processes.

        Args:
            access_ids: None: all tokens of the user.
            is_ended: whether the identities of sockets end too.
        """
        ids = None if access_ids is None else list(access_ids)
        if not self._peers.send(_REVOKED, [identifier, ids, is_ended]):
            logger.warning(
                "a revocation could not be sent to the other processes; each one reads it from "
                "the store when it is connected again"
            )

    async def _revoked_elsewhere(self, data: Any) -> None:
        identifier, ids, is_ended = data
        self._forget(identifier, ids)
        if is_ended:
            await self._dispatch(identifier, [None] if ids is None else ids)

    async def _look_for_revoked(self) -> None:
        self._tokens.forget(lambda claims: True)
        event = TokensInUseEvent()
        await self._dispatcher.dispatch(SecurityEvents.TOKENS_IN_USE, event)
        revoked = [
            (identifier, id)
            for id, (identifier, since) in event.tokens.items()
            if await self._store.is_revoked(id, identifier, since)
        ]
        await run_all(partial(self._dispatch, identifier, [id]) for identifier, id in revoked)
