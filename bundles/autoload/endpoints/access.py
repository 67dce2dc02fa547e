"""The field ``access`` of an endpoint."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import attrs

from rxkernel import ConfigurationError

LOGIN = "login:"
"""What a login begins with. A name without it is a group: anybody may have the login ``admin``."""

_LEVELS: Mapping[str, str] = {
    "public": "public",
    "session": "session",
    "logged": "authenticated",
}
"""The levels of the bundle security by the words of Metarhia."""

_ENABLE = (
    "enable the bundles sessions and security, as in Application(bundles=['sessions', "
    "SecurityBundle(Users), …]), or write access = 'public'"
)


@attrs.frozen
class Access:
    """The clients that may call an endpoint.

    Attributes:
        written: the field; None where it is missing.
        level: that of the bundle security, if the field is one.
        groups, logins: one of them is needed, if the field is a list of them.
        rule: a rule of the bundle security, if the field is one.
    """

    written: object
    level: str | None = None
    groups: frozenset[str] = frozenset()
    logins: frozenset[str] = frozenset()
    rule: Any = None

    @property
    def is_public(self) -> bool:
        return self.level == "public" or getattr(self.rule, "level", None) == "public"


def read_access(given: object) -> Access:
    """Return the field *given*; where it is missing, a client needs a session.

    Raises:
        ConfigurationError: it is not a rule.
    """
    if given is None:
        return Access(given, "session")
    if getattr(type(given), "bundle_option", None) == "access":
        return Access(given, rule=given)
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list | tuple | set | frozenset) or not names:
        raise _wrong(given)
    if not all(isinstance(name, str) and name not in ("", LOGIN) for name in names):
        raise _wrong(given)
    levels = [name for name in names if name in _LEVELS]
    if levels and len(names) > 1:
        raise ConfigurationError(
            f"access is {given!r}; {levels[0]!r} is for other clients than those of a list: write "
            f"it alone, or remove it"
        )
    if levels:
        return Access(given, _LEVELS[levels[0]])
    logins = frozenset(n.removeprefix(LOGIN) for n in names if n.startswith(LOGIN))
    return Access(given, groups=frozenset(names) - {f"{LOGIN}{n}" for n in logins}, logins=logins)


def access_options(access: Access, has_security: bool) -> Mapping[str, Any]:
    """Return the options of the routes of an endpoint.

    Raises:
        ConfigurationError: only the bundle security could enforce *access*, and it is not enabled.
    """
    if has_security:  # imported only where it is enabled
        module = import_module("bundles.autoload.endpoints.security_rules")
        return {"access": module.rule_of(access)}
    if access.is_public:
        return {}
    what = f"access is {access.written!r}"
    if access.written is None:
        what = "access is missing, so that a client needs a session"
    raise ConfigurationError(f"{what}, but the bundle security is not enabled; {_ENABLE}")


def _wrong(given: object) -> ConfigurationError:
    return ConfigurationError(
        f"access is {given!r}; write 'public', 'session', 'logged', the name of a group, "
        f"'{LOGIN}<login>', a list of groups and logins, or access(…) of bundles.security"
    )
