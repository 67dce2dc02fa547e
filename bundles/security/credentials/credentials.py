"""Reads the credential that a client sends, without verifying it."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import attrs
from multidict import CIMultiDict, CIMultiDictProxy, istr

from bundles.security.exceptions import BadCredentials

MAX_CREDENTIAL = 8192
"""Longest credential in bytes. A longer one is refused before its signature is computed."""

AUTHORIZATION = istr("Authorization")
COOKIE = istr("Cookie")
SESSION = istr("Session")
"""The header with the secret of a session, in a procedure; see
``bundles.sessions.credentials``."""

Headers: TypeAlias = CIMultiDict[str] | CIMultiDictProxy[str]


@attrs.define  # created for each message: a frozen class takes three times as long
class BearerCredential:
    """An access token."""

    text: str = attrs.field(repr=False)


@attrs.frozen
class BasicCredential:
    """An identifier and a password (RFC 7617)."""

    identifier: str
    password: str = attrs.field(repr=False)


@attrs.frozen
class ApiKeyCredential:
    """An API key."""

    text: str = attrs.field(repr=False)


SentCredential: TypeAlias = BearerCredential | BasicCredential | ApiKeyCredential


@attrs.frozen(kw_only=True)
class CredentialReader:
    """Finds the credential in the parts of a message, where the settings allow one.

    Attributes:
        api_key_header: the header of API keys; empty: none are read.
        query_parameter: the parameter with an access token; empty: none is read.
        basic: whether ``Authorization: Basic`` is read.
        token_scheme: the scheme of access tokens besides Bearer, in lower case; empty: none.
    """

    api_key_header: str = ""
    query_parameter: str = ""
    basic: bool = False
    token_scheme: str = ""

    def may_have(self, headers: Headers) -> bool:
        """Whether a request with *headers* may carry a credential, or a session."""
        return (
            AUTHORIZATION in headers
            or COOKIE in headers
            or SESSION in headers
            or bool(self.query_parameter)
            or (bool(self.api_key_header) and self.api_key_header in headers)
        )

    def in_headers(self, headers: Headers) -> SentCredential | None:
        """The credential in *headers*. Schemes that the settings do not allow are ignored.

        Raises:
            BadCredentials: it is malformed, too long, or sent twice.
        """
        if values := headers.getall(AUTHORIZATION, ()):
            found = self._authorization(_single(values))
            if found is not None:
                return found
        if self.api_key_header and self.api_key_header in headers:
            return ApiKeyCredential(_checked(_single(headers.getall(self.api_key_header))))
        return None

    def _authorization(self, value: str) -> SentCredential | None:
        scheme, _, rest = value.partition(" ")
        if scheme == "Bearer":  # as nearly all clients write it
            return BearerCredential(_checked(rest.strip(" ")))
        scheme, rest = scheme.lower(), rest.strip(" ")
        if scheme == "bearer" or (scheme and scheme == self.token_scheme):
            return BearerCredential(_checked(rest))
        if scheme == "basic" and self.basic:
            return _basic(_checked(rest))
        return None

    def in_query(self, query: Any) -> SentCredential | None:
        """The access token in *query*, a multi-dict, if the settings allow one there.

        Raises:
            BadCredentials: as `in_headers`.
        """
        name = self.query_parameter
        if not name or name not in query:
            return None
        return BearerCredential(_checked(_single(query.getall(name))))

    def in_auth(self, auth: Mapping[str, Any] | None) -> SentCredential | None:
        """The access token in the ``auth`` that a socket sends with CONNECT: ``{token}``.

        Raises:
            BadCredentials: as `in_headers`.
        """
        token = None if auth is None else auth.get("token")
        return None if token is None else bearer_credential(token)


def bearer_credential(token: object) -> BearerCredential:
    """*token* of a message as a credential.

    Raises:
        BadCredentials: it is not a text, is empty or too long.
    """
    return BearerCredential(_checked(token))


def has_basic(values: Sequence[str]) -> bool:
    """Whether one of *values*, those of ``Authorization``, is of the scheme Basic."""
    return any(value[:5].lower() == "basic" for value in values)


def _single(values: Sequence[Any]) -> Any:
    if len(values) != 1:
        raise BadCredentials("several credentials of one kind")
    return values[0]


def _checked(text: object) -> str:
    if not isinstance(text, str) or not text:
        raise BadCredentials("the credential is empty, or not a text")
    if len(text) > MAX_CREDENTIAL:
        raise BadCredentials(f"the credential has more than {MAX_CREDENTIAL} bytes")
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise BadCredentials("the credential has other characters than visible ASCII")
    return text


def _basic(encoded: str) -> BasicCredential:
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise BadCredentials("the value of Basic is not base64 of UTF-8") from None
    identifier, colon, password = decoded.partition(":")
    if not colon:
        raise BadCredentials("the value of Basic has no colon")
    return BasicCredential(identifier, password)
