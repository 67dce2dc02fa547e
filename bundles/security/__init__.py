"""Authentication and access rules, the same over HTTP, Socket.IO and procedures."""

from bundles.security.access import Access, Policy, access, access_of
from bundles.security.bundle import SecurityBundle
from bundles.security.claims import Claims
from bundles.security.current_user import CurrentUser
from bundles.security.events import (
    RevokedEvent,
    SecurityEvents,
    SocketAuthenticationEvent,
    SocketExpiredEvent,
)
from bundles.security.exceptions import BadCredentials, Unauthenticated
from bundles.security.settings import SecuritySettings
from bundles.security.token import ANONYMOUS, Token
from bundles.security.users import UserProvider

__all__ = [
    "ANONYMOUS",
    "Access",
    "BadCredentials",
    "Claims",
    "CurrentUser",
    "Policy",
    "RevokedEvent",
    "SecurityBundle",
    "SecurityEvents",
    "SecuritySettings",
    "SocketAuthenticationEvent",
    "SocketExpiredEvent",
    "Token",
    "Unauthenticated",
    "UserProvider",
    "access",
    "access_of",
]
