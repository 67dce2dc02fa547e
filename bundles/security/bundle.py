"""What the bundle brings to an application."""

from typing import Any

from injector import Binder, singleton
from rxkernel import Bundle

from bundles.security.settings import SecuritySettings
from bundles.security.users import UserProvider


class SecurityBundle(Bundle):
    """Authentication and access rules: ``SecurityBundle(Accounts)``.

    Args:
        users: the application's `UserProvider`, a class that the injector builds or an instance.
    """

    name = "security"
    settings_class = SecuritySettings

    def __init__(self, users: type[UserProvider[Any]] | UserProvider[Any]) -> None:
        self._users = users

    def configure(self, binder: Binder) -> None:
        users = self._users
        if isinstance(users, type):
            binder.bind(users, scope=singleton)
            injector = binder.injector
            binder.bind(UserProvider, to=lambda: injector.get(users), scope=singleton)
        else:
            binder.bind(UserProvider, to=users)
