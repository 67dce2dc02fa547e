"""Add an account. Passwords are hashed in threads."""

from typing import Annotated

from msgspec import Meta

from bundles.autoload import domain
from bundles.security import Passwords
from rxkernel import Inject, Request

access = "public"


async def method(
    login: Annotated[str, Meta(min_length=1, max_length=50)],
    password: Annotated[str, Meta(min_length=8, max_length=100)],
    passwords: Annotated[Passwords, Inject()],
    request: Request,
) -> bool:
    domain.accounts.sign_ups.use(request)
    domain.accounts.add(login, await passwords.hash(password))
    return True
