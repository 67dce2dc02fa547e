"""Authentication and access rules, the same over HTTP, Socket.IO and procedures."""

from bundles.security.bundle import SecurityBundle
from bundles.security.credentials.accepted_credentials import AcceptedCredentials
from bundles.security.current_user import CurrentUser, takes_optional_user
from bundles.security.events import (
    AuthenticationEvent,
    AuthenticationFailureEvent,
    LoginEvent,
    LogoutEvent,
    RefreshEvent,
    RevokedEvent,
    SecurityEvents,
    SocketAuthenticationEvent,
    SocketExpiredEvent,
    TokenCreatedEvent,
    TokenDecodedEvent,
    TokenEncodedEvent,
    TokensInUseEvent,
)
from bundles.security.exceptions import BadCredentials, Unauthenticated
from bundles.security.logins.address_limit import AddressLimit
from bundles.security.logins.passwords import Passwords
from bundles.security.rules.access import Access, Policy, access, access_of
from bundles.security.rules.gate import Gate
from bundles.security.security import Security, TokenPair
from bundles.security.settings import SecuritySettings
from bundles.security.sockets.user_rooms import user_room
from bundles.security.token import ANONYMOUS, Token
from bundles.security.token_settings import (
    PasswordSettings,
    RouteSettings,
    ThrottlingSettings,
    TokenSettings,
)
from bundles.security.tokens.access_tokens import AccessTokens
from bundles.security.tokens.claims import Claims
from bundles.security.users import UserProvider

__all__ = [
    "ANONYMOUS",
    "AcceptedCredentials",
    "Access",
    "AccessTokens",
    "AddressLimit",
    "AuthenticationEvent",
    "AuthenticationFailureEvent",
    "BadCredentials",
    "Claims",
    "CurrentUser",
    "Gate",
    "LoginEvent",
    "LogoutEvent",
    "PasswordSettings",
    "Passwords",
    "Policy",
    "RefreshEvent",
    "RevokedEvent",
    "RouteSettings",
    "Security",
    "SecurityBundle",
    "SecurityEvents",
    "SecuritySettings",
    "SocketAuthenticationEvent",
    "SocketExpiredEvent",
    "ThrottlingSettings",
    "Token",
    "TokenCreatedEvent",
    "TokenDecodedEvent",
    "TokenEncodedEvent",
    "TokenPair",
    "TokenSettings",
    "TokensInUseEvent",
    "Unauthenticated",
    "UserProvider",
    "access",
    "access_of",
    "takes_optional_user",
    "user_room",
]
