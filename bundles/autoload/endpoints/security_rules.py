"""Converts the field ``access`` to a rule of the bundle security; imported only if it is
enabled."""

from collections.abc import Callable
from typing import Any

from injector import Injector

from bundles.autoload.endpoints.access import LOGIN, Access
from bundles.autoload.endpoints.application_users import ApplicationUsers
from bundles.autoload.security_defaults import NoUsers
from bundles.security import Access as Rule
from bundles.security import Token, UserProvider, access
from bundles.security.user_parameters import checked_class
from rxkernel import Request

Policy = Callable[[Token[Any], Request], bool]


def rule_of(given: Access) -> Rule:
    """Return the rule of the field *given*."""
    if isinstance(given.rule, Rule):
        return given.rule
    if given.level is not None:
        return access(given.level)  # type: ignore[arg-type] # one of the levels
    if given.logins:
        return access(_one_of(given.groups, given.logins))
    return access(roles=given.groups)


def users_of(injector: Injector) -> ApplicationUsers:
    """Return the `ApplicationUsers` of the application."""
    users: UserProvider[Any] = injector.get(UserProvider)  # type: ignore[type-abstract] # as a key
    return ApplicationUsers(checked_class(users), isinstance(users, NoUsers))


def _one_of(groups: frozenset[str], logins: frozenset[str]) -> Policy:
    """Return the policy that the user has one of *logins*, or one of *groups*, which are roles."""

    def policy(token: Token[Any], request: Request) -> bool:
        return token.identifier in logins or not groups.isdisjoint(token.roles)

    names = [*sorted(groups), *(f"{LOGIN}{login}" for login in sorted(logins))]
    policy.__qualname__ = "|".join(names)
    return policy
