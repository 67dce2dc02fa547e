"""The conditions of a directory that levels and roles of the bundle security cannot express."""

from collections.abc import Iterator
from typing import Any

import attrs

from bundles.security import Gate, Token
from bundles.web.access.basic_auth import BasicAuth
from bundles.web.access.directory_access import LOCAL, DirectoryAccess
from bundles.web.access.local_clients import is_local
from rxkernel import ForbiddenException, Request


def _password_of(gate: "AccessGate") -> BasicAuth | None:
    access = gate.access
    if access.auth is None:
        return None
    return BasicAuth(access.auth, access.realm, access.failures)


@attrs.frozen
class AccessGate(Gate):
    """Checks all conditions of *access*."""

    access: DirectoryAccess
    _auth: BasicAuth | None = attrs.field(
        init=False, repr=False, default=attrs.Factory(_password_of, takes_self=True)
    )

    def reads_basic(self, request: Request) -> bool:
        return self._auth is not None

    def admits(self, token: Token[Any], request: Request) -> bool:
        """See `Gate.admits`. A guest gets 403 instead of 401 if a login would not help."""
        access = self.access
        if not (access.http and access.https):
            self._check_scheme(request)
        is_here = access.has_local and is_local(request, access.hosts)
        if self._auth is not None and not is_here:
            self._auth.check(request)
        if token.is_authenticated:
            if not access.logged:
                raise ForbiddenException
        elif not access.guests:
            return False
        return all(self._has(group, token, is_here) for group in access.groups)

    def _check_scheme(self, request: Request) -> None:
        scheme = request.base_url.partition(":")[0]
        if not getattr(self.access, scheme):
            other = "http" if scheme == "https" else "https"
            raise ForbiddenException(f"this URL requires {other}", code="scheme")

    def _has(self, group: frozenset[str], token: Token[Any], is_here: bool) -> bool:
        if (is_here and LOCAL in group) or not group.isdisjoint(token.roles):
            return True
        if group == {LOCAL} or not self.access.logged:
            raise ForbiddenException
        return False

    def __str__(self) -> str:
        return " ".join(self._conditions())

    def _conditions(self) -> Iterator[str]:
        access = self.access
        if not access.logged:
            yield "guests-only"
        if not access.http:
            yield "https-only"
        if not access.https:
            yield "http-only"
        for group in access.groups:
            yield f"groups={'|'.join(sorted(group))}"
        if self._auth is not None:
            yield f"basic={self._auth.realm!r}"
