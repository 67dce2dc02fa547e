"""The accounts: hashes of passwords, in memory."""

from types import ModuleType

from rxkernel import ConflictException

hashes: dict[str, str] = {}


def add(login: str, password_hash: str) -> None:
    if login in hashes:
        raise ConflictException(f"the login {login!r} is taken")
    hashes[login] = password_hash


def migrate(old: ModuleType) -> None:
    """Keep the accounts when this file has changed."""
    global hashes
    hashes = old.hashes
