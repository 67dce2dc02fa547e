"""Start a session, and return its token."""

from typing import Annotated

from bundles.autoload import Context, domain
from bundles.security import Passwords
from rxkernel import Inject, Request, UnauthorizedException

access = "public"


async def method(
    login: str,
    password: str,
    context: Context,
    passwords: Annotated[Passwords, Inject()],
    request: Request,
) -> str:
    domain.accounts.failed_logins.check(request)
    verified = await passwords.verify(password, domain.accounts.hashes.get(login))
    domain.accounts.failed_logins.check(request)  # again: calls that ran meanwhile have failed
    if not verified.matches:
        domain.accounts.failed_logins.count(request)
        raise UnauthorizedException("the login or the password is wrong")
    return await context.start_session({"login": login})
