"""The accounts: hashes of passwords, in memory, and limits for each address."""

from types import ModuleType

from bundles.security import AddressLimit
from rxkernel import ConflictException

hashes: dict[str, str] = {}
sign_ups = AddressLimit(10, window=3600.0, code="too_many_sign_ups")
failed_logins = AddressLimit(10, window=300.0, code="too_many_logins")


def add(login: str, password_hash: str) -> None:
    if login in hashes:
        raise ConflictException(f"the login {login!r} is taken")
    hashes[login] = password_hash


def migrate(old: ModuleType) -> None:
    """Keep the accounts and the counts when this file has changed."""
    global hashes, sign_ups, failed_logins
    hashes, sign_ups, failed_logins = old.hashes, old.sign_ups, old.failed_logins
