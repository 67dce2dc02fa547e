"""What a verified access token says."""

import attrs


@attrs.frozen(kw_only=True)
class Claims:
    """The verified content of an access token.

    Attributes:
        identifier: of the user (``sub``).
        roles: those that the user had when the token was made.
        id: ``jti``; identifies this token for its revocation.
        expires: ``exp``, in seconds since 1970.
        refreshed: whether the token was made from a refresh token, without a password.
    """

    identifier: str
    roles: frozenset[str] = frozenset()
    id: str = attrs.field(repr=False)
    expires: float
    refreshed: bool = False
