"""Which credentials an application accepts, for documentation."""

from typing import Self

import attrs

from bundles.security.credentials.session_reader import SessionReader
from bundles.security.settings import SecuritySettings


@attrs.frozen(kw_only=True)
class AcceptedCredentials:
    """The credentials of clients besides access tokens, which are always accepted. Injectable.

    Attributes:
        basic: whether ``Authorization: Basic`` is accepted.
        token_scheme: the scheme of access tokens besides Bearer; empty: none.
        api_key_header: the header of API keys; empty: none is read.
        query_parameter: the query parameter with an access token; empty: none is read.
        session_cookie: the cookie of sessions; empty without the bundle sessions.
        guards_cross_site: whether unsafe requests of other sites with a cookie or Basic are
            refused with 403.
    """

    basic: bool
    token_scheme: str
    api_key_header: str
    query_parameter: str
    session_cookie: str
    guards_cross_site: bool

    @classmethod
    def of(cls, settings: SecuritySettings, sessions: SessionReader) -> Self:
        cookie = sessions.cookie if sessions.is_enabled else ""
        return cls(
            basic=settings.basic,
            token_scheme=settings.token_scheme,
            api_key_header=settings.api_key_header,
            query_parameter=settings.query_parameter,
            session_cookie=cookie,
            guards_cross_site=settings.csrf and bool(cookie or settings.basic),
        )
