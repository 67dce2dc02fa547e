"""The field ``access`` of an endpoint."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs

from rxkernel import ConfigurationError

LOGIN = "login:"
"""The prefix of a login. A name without it is a group, since any user may have the login
``admin``."""

_LEVELS: Mapping[str, str] = {
    "public": "public",
    "session": "session",
    "logged": "authenticated",
}
"""The levels of the bundle security, by the words of Metarhia."""

_WITHOUT_USER = ("public", "session")

_WORDS: Mapping[str, str] = {**{word: word for word in _LEVELS}, "logined": "logged"}
"""The intended word for names that are similar to these. Metarhia also uses the word "logined"."""

_ENABLE = (
    "enable the bundles sessions and security, as in Application(bundles=['sessions', "
    "SecurityBundle(Users), …]), or write access = 'public'"
)


@attrs.frozen
class Access:
    """The clients that may call an endpoint.

    Attributes:
        written: the value of the field; None if it is missing.
        level: the level of the bundle security, if the field is one.
        groups, logins: the client must have one of them, if the field is a list.
        rule: the rule of the bundle security, if the field is one.
    """

    written: object
    level: str | None = None
    groups: frozenset[str] = frozenset()
    logins: frozenset[str] = frozenset()
    rule: Any = None

    @property
    def is_public(self) -> bool:
        return self.level == "public" or getattr(self.rule, "level", None) == "public"

    @property
    def needs_user(self) -> bool:
        """Whether clients without a user may not call it."""
        rule = self.rule
        if rule is not None:
            return bool(rule.roles or rule.policy) or rule.level not in _WITHOUT_USER
        return self.level not in _WITHOUT_USER


def read_access(given: object) -> Access:
    """Return the access of the field *given*; without the field, a client needs a session.

    Raises:
        ConfigurationError: *given* is not a rule.
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
    if problems := [*_misspelt(names)]:
        raise ConfigurationError(*problems)
    logins = frozenset(n.removeprefix(LOGIN) for n in names if n.startswith(LOGIN))
    return Access(given, groups=frozenset(names) - {f"{LOGIN}{n}" for n in logins}, logins=logins)


def access_options(
    access: Access, rule_of: Callable[[Access], object] | None
) -> Mapping[str, Any]:
    """Return the options of the routes of an endpoint.

    Args:
        rule_of: returns the rule of the bundle security; None if it is not enabled.

    Raises:
        ConfigurationError: only the bundle security can enforce *access*, and it is not enabled.
    """
    if rule_of is not None:
        return {"access": rule_of(access)}
    if access.is_public:
        return {}
    what = f"access is {access.written!r}"
    if access.written is None:
        what = "access is missing, so that a client needs a session"
    raise ConfigurationError(f"{what}, but the bundle security is not enabled; {_ENABLE}")


def _misspelt(names: Iterable[str]) -> Iterator[str]:
    """Yield an error for each of *names* that differs from a level only in case or in one letter:
    as a group it would refuse all clients."""
    for name in names:
        prefix, colon, login = name.partition(":")
        if colon and prefix != "login" and _is_almost(prefix, "login"):
            yield f"access has {name!r}, a group; did you mean '{LOGIN}{login}'?"
        for word, meant in _WORDS.items():
            if _is_almost(name, word):
                yield (
                    f"access has {name!r}, a group; did you mean {meant!r}? If users have the "
                    f"role {name!r}, write access(roles={name!r}) of bundles.security"
                )
                break


def _is_almost(name: str, word: str) -> bool:
    """Whether *name* in lower case is *word*, or *word* with one letter added, removed or
    replaced, or with two adjacent letters swapped."""
    name = name.lower()
    same = 0
    while name[same : same + 1] == word[same : same + 1] != "":
        same += 1
    a, b = name[same:], word[same:]
    return a[1:] == b[1:] or a == b[1:] or a[1:] == b or (a[1::-1], a[2:]) == (b[:2], b[2:])


def _wrong(given: object) -> ConfigurationError:
    return ConfigurationError(
        f"access is {given!r}; write 'public', 'session', 'logged', the name of a group, "
        f"'{LOGIN}<login>', a list of groups and logins, or access(…) of bundles.security"
    )
