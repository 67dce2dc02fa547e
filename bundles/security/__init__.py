"""Authentication and access rules, the same over HTTP, Socket.IO and procedures."""

from bundles.security.bundle import SecurityBundle
from bundles.security.claims import Claims
from bundles.security.exceptions import BadCredentials
from bundles.security.settings import SecuritySettings
from bundles.security.token import ANONYMOUS, Token
from bundles.security.users import UserProvider

__all__ = [
    "ANONYMOUS",
    "BadCredentials",
    "Claims",
    "SecurityBundle",
    "SecuritySettings",
    "Token",
    "UserProvider",
]
