"""Ends access tokens before they expire: in the store, among the verified ones, at sockets."""

import time
from collections.abc import Collection

from injector import inject

from bundles.security.events import RevokedEvent, SecurityEvents
from bundles.security.settings import SecuritySettings
from bundles.security.tokens.access_tokens import AccessTokens
from bundles.security.tokens.store import RefreshRecord, TokenStore
from rxkernel import AsyncEventDispatcher, current_request

_MARGIN = 130.0
"""Seconds: twice the largest leeway, and the fractions of a second."""


class Revocation:
    """What ends is recorded first, then forgotten by this process, then `SecurityEvents.REVOKED`
    is dispatched, which the sockets follow.

    Another process that shares the store refuses an access token that it has not verified yet. It
    accepts one that it has verified until that expires, ``security.tokens.ttl`` at most.
    """

    @inject
    def __init__(
        self,
        settings: SecuritySettings,
        store: TokenStore,
        tokens: AccessTokens,
        dispatcher: AsyncEventDispatcher,
    ) -> None:
        self._settings = settings.tokens
        self._store = store
        self._tokens = tokens
        self._dispatcher = dispatcher

    async def end_token(self, identifier: str, access_id: str, expires: float) -> None:
        """End the access token *access_id*, and the login that it belongs to, if it has one."""
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
        ids = frozenset(access_ids)
        self._tokens.forget(lambda claims: claims.id in ids)
        for id in access_ids:
            event = RevokedEvent(identifier, id, current_request.get())
            await self._dispatcher.dispatch(SecurityEvents.REVOKED, event)

    async def end_tokens_of(self, identifier: str) -> None:
        """End all logins of a user, and all access tokens that were made until now."""
        now = time.time()
        until = now + max(self._settings.ttl, self._settings.refresh_max_age) + _MARGIN
        try:
            await self._store.end_user(identifier, now, until)
        finally:  # while the store fails, no token is verified again
            self._tokens.forget(lambda claims: claims.identifier == identifier)

    async def end_sockets_of(self, identifier: str) -> None:
        """End the sockets of a user, after its tokens and sessions."""
        event = RevokedEvent(identifier, request=current_request.get())
        await self._dispatcher.dispatch(SecurityEvents.REVOKED, event)

    async def has_ended(self, identifier: str, since: float) -> bool:
        """Whether `end_tokens_of` was called with *identifier* after *since*."""
        return await self._store.is_revoked("", identifier, since)
