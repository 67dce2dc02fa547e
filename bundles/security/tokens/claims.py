"""The claims of a verified access token."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs


def _read_only(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(payload))


@attrs.frozen(kw_only=True)
class Claims:
    """The verified content of an access token.

    Attributes:
        identifier: of the user (``sub``).
        roles: of the user when the token was created.
        id: ``jti``; identifies this token for its revocation.
        expires: ``exp``, in seconds since 1970.
        refreshed: whether the token was created from a refresh token, without a password.
        issued: ``iat``, in seconds since 1970; 0 if the token does not have it.
        payload: all claims, as they are in the token.
    """

    identifier: str
    roles: frozenset[str] = frozenset()
    id: str = attrs.field(repr=False)
    expires: float
    refreshed: bool = False
    issued: float = 0.0
    payload: Mapping[str, Any] = attrs.field(
        default=MappingProxyType({}), converter=_read_only, repr=False
    )
