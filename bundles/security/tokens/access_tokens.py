"""Access tokens: signed JSON Web Tokens (RFC 7519), profile of RFC 8725."""

import binascii
import json
import math
import re
import secrets
import time
from base64 import urlsafe_b64decode
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from injector import inject
from joserfc import jwt
from joserfc.errors import JoseError

from bundles.security.credentials.credentials import MAX_CREDENTIAL
from bundles.security.credentials.verifiers import TokenVerifier
from bundles.security.events import (
    SecurityEvents,
    TokenCreatedEvent,
    TokenDecodedEvent,
    TokenEncodedEvent,
)
from bundles.security.exceptions import BadCredentials
from bundles.security.settings import SecuritySettings
from bundles.security.tokens.claims import Claims
from bundles.security.tokens.key_files import load_keys
from bundles.security.tokens.keys import KeyRing, SigningKey
from bundles.security.tokens.store import TokenStore
from rxkernel import AsyncEventDispatcher, ConfigurationError, Peers

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_TYPES = (None, "jwt", "at+jwt")
_HEADERS = frozenset(("alg", "kid", "typ", "cty"))
"""Other headers are refused, not ignored: ``crit``, ``b64``, and keys inside the token."""

_KEYS = "security.keys"
_LAST_DATE = 253_402_300_800
"""The year 10,000."""


class AccessTokens(TokenVerifier):
    """Creates and verifies access tokens.

    At most ``max_cached`` verified tokens are kept until they expire or are revoked, so that they
    are verified once only. While revocations of other processes may not arrive, each token is
    verified and looked up in the store each time.
    """

    @inject
    def __init__(
        self,
        settings: SecuritySettings,
        store: TokenStore,
        dispatcher: AsyncEventDispatcher,
        peers: Peers,
    ) -> None:
        self._settings = settings.tokens
        self._leeway = settings.tokens.leeway
        self._store = store
        self._dispatcher = dispatcher
        self._peers = peers
        self._verified: OrderedDict[str, Claims] = OrderedDict()
        self._generation = 0
        self._must_sign = settings.routes.login or settings.routes.refresh_token
        self.keys = self._load()
        peers.listen(_KEYS, self._reloaded_elsewhere)

    def _load(self) -> KeyRing:
        keys = load_keys(self._settings)
        if keys.signing is None and self._must_sign:
            raise ConfigurationError(
                "security.tokens.keys has only public keys, which cannot sign; add the file of a "
                "private key, or set security.routes.login and security.routes.refresh_token to "
                "false"
            )
        return keys

    # --- creating

    async def create(
        self, identifier: str, roles: Iterable[str] = (), *, refreshed: bool = False
    ) -> tuple[str, Claims]:
        """Create a token for the user with *identifier*; it is valid for ``ttl`` seconds.

        Returns:
            The token, and its claims.

        Raises:
            ValueError: it would be longer than a client may send: listeners added many claims.
            RuntimeError: all of ``security.tokens.keys`` are public.
        """
        now = time.time()
        payload: dict[str, Any] = {
            "sub": identifier,
            "roles": sorted(roles),
            "iat": now,
            "exp": math.ceil(now + self._settings.ttl),
            "jti": secrets.token_urlsafe(16),
        }
        if self._settings.issuer is not None:
            payload["iss"] = self._settings.issuer
        if self._settings.audience is not None:
            payload["aud"] = self._settings.audience
        if refreshed:
            payload["refreshed"] = True
        await self._dispatcher.dispatch(SecurityEvents.TOKEN_CREATED, TokenCreatedEvent(payload))
        key = self.keys.signing
        if key is None:
            raise RuntimeError(
                "security.tokens.keys has only public keys, which cannot sign; add the file of a "
                "private key"
            )
        header = {"alg": key.algorithm, "kid": key.id}
        text = jwt.encode(header, payload, key.key, registry=key.registry)
        event = TokenEncodedEvent(payload, text)
        await self._dispatcher.dispatch(SecurityEvents.TOKEN_ENCODED, event)
        if len(event.text) > MAX_CREDENTIAL:
            raise ValueError(
                f"the access token has more than {MAX_CREDENTIAL} bytes; add fewer claims"
            )
        return event.text, _claims_of(payload)

    # --- verifying

    def verified(self, text: str) -> Claims | None:
        """See `TokenVerifier.verified`."""
        claims = self._verified.get(text)
        if (
            claims is not None
            and time.time() < claims.expires + self._leeway
            and self._peers.are_heard
        ):
            return claims
        return None

    async def verify(self, text: str) -> Claims:
        """Check the signature, the claims and revocation of *text*.

        Raises:
            BadCredentials: it is not valid. The response does not contain the reason.
            ServiceUnavailableException: the store of revocations cannot be reached.
        """
        if (found := self.verified(text)) is not None:
            return found
        generation = self._generation
        claims = await self._decode(text)
        if await self._store.is_revoked(claims.id, claims.identifier, claims.issued):
            raise BadCredentials("the token was revoked")
        if generation == self._generation:  # else it may have been revoked meanwhile
            self._remember(text, claims)
        return claims

    async def _decode(self, text: str) -> Claims:
        self._verified.pop(text, None)
        event = TokenDecodedEvent(_checked_payload(text, self.keys))
        await self._dispatcher.dispatch(SecurityEvents.TOKEN_DECODED, event)
        if event.is_invalid:
            raise BadCredentials("a listener refused the token")
        self._check_claims(event.payload, time.time())
        return _claims_of(event.payload)

    def _check_claims(self, payload: Mapping[str, Any], now: float) -> None:
        settings = self._settings
        if _date(payload, "exp", required=True) <= now - settings.leeway:
            raise BadCredentials("the token has expired")
        for name in ("nbf", "iat"):
            if _date(payload, name) > now + settings.leeway:
                raise BadCredentials(f"{name} is in the future")
        if settings.issuer is not None and payload.get("iss") != settings.issuer:
            raise BadCredentials("iss is another issuer")
        if settings.audience is not None:
            audience = payload.get("aud")
            if audience != settings.audience and not (
                isinstance(audience, list) and settings.audience in audience
            ):
                raise BadCredentials("aud is another audience")

    # --- verified tokens

    def _remember(self, text: str, claims: Claims) -> None:
        if self._settings.max_cached == 0:
            return
        self._verified[text] = claims
        if len(self._verified) > self._settings.max_cached:
            self._verified.popitem(last=False)

    def forget(self, condition: Callable[[Claims], bool]) -> None:
        """Drop the verified tokens that match *condition*, so that their next use verifies them
        again: after a revocation."""
        self._generation += 1
        for text in [text for text, claims in self._verified.items() if condition(claims)]:
            del self._verified[text]

    def reload_keys(self) -> None:
        """Read the files of keys again, as after ``rxkernel security keys new``. Tokens of a key
        that was removed are refused from now on. Processes that the bundle ``scale`` connects
        now read their files too.

        Raises:
            ConfigurationError: a file is invalid; the keys stay as they were, in all processes.
        """
        self._reload()
        self._peers.send(_KEYS)

    def _reload(self) -> None:
        self.keys = self._load()
        self.forget(lambda _: True)

    async def _reloaded_elsewhere(self, _: None) -> None:
        self._reload()


def _checked_payload(text: str, keys: KeyRing) -> dict[str, Any]:
    """The payload of *text*, after its signature was verified.

    Raises:
        BadCredentials: *text* is not a token, or its signature is not valid.
    """
    if len(text) > MAX_CREDENTIAL or not _COMPACT.fullmatch(text):
        raise BadCredentials("not a JSON Web Token")
    header = _header_of(text)
    for key in keys.candidates(header.get("alg"), header.get("kid")):
        found = _payload_by(key, text)
        if found is not None:
            return found
    raise BadCredentials("no key of this server has signed the token")


def _header_of(text: str) -> dict[str, Any]:
    segment = text[: text.index(".")]
    try:
        header = json.loads(urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        raise BadCredentials("malformed header") from None
    if not isinstance(header, dict) or not header.keys() <= _HEADERS:
        raise BadCredentials("unsupported header")
    kind = header.get("typ")
    if (kind.lower() if isinstance(kind, str) else kind) not in _TYPES:
        raise BadCredentials("typ is another type of token")
    return header


def _payload_by(key: SigningKey, text: str) -> dict[str, Any] | None:
    """The payload; None if *key* has not signed it."""
    try:
        return jwt.decode(text, key.key, registry=key.registry).claims
    except (JoseError, ValueError, RecursionError):
        return None


def _date(payload: Mapping[str, Any], name: str, *, required: bool = False) -> float:
    """A NumericDate; 0 if it is missing.

    Raises:
        BadCredentials: it is not a number, not a date, or missing and *required*.
    """
    value = payload.get(name)
    if value is None and not required:
        return 0.0
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _LAST_DATE:
        return value
    raise BadCredentials(f"{name} is not a date")


def _claims_of(payload: Mapping[str, Any]) -> Claims:
    """Read the claims that this bundle uses.

    Raises:
        BadCredentials: ``sub`` or ``jti`` is missing or not a text, or a role is not a text.
    """
    identifier, id, roles = payload.get("sub"), payload.get("jti"), payload.get("roles", [])
    if not isinstance(identifier, str) or not identifier or not isinstance(id, str) or not id:
        raise BadCredentials("sub or jti is missing")
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise BadCredentials("roles is not a list of texts")
    return Claims(
        identifier=identifier,
        roles=frozenset(roles),
        id=id,
        expires=payload["exp"],
        refreshed=payload.get("refreshed") is True,
        issued=_date(payload, "iat"),
        payload=payload,
    )
