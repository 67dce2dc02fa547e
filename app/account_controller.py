"""Sign-up, and the current account. The bundle security has the routes of sign-in and sign-out."""

import attrs
from attrs.validators import matches_re, min_len
from injector import inject

from app.accounts import Accounts
from app.tables import Account
from bundles.security import AddressLimit, CurrentUser, Passwords, Security, access
from rxkernel import Request, both, http


@attrs.frozen
class NewAccount:
    username: str = attrs.field(validator=matches_re("[a-z0-9_-]{1,30}"))
    password: str = attrs.field(validator=min_len(8), repr=False)


@attrs.frozen
class Profile:
    """The part of an account that its owner sees."""

    username: str


@access("public")
class AccountController:
    @inject
    def __init__(self, accounts: Accounts, passwords: Passwords, security: Security) -> None:
        self._accounts = accounts
        self._passwords = passwords
        self._security = security
        self._sign_ups = AddressLimit(10, window=3600.0, code="too_many_sign_ups")

    @http("POST", "/accounts", "account_create", status_code=201)
    async def create(self, new: NewAccount, request: Request) -> Profile:
        """Create an account and sign in; the response has the cookie of the session.

        Raises:
            ConflictException: the name is taken.
            ForbiddenException: the request comes from another site.
            TooManyRequestsException: too many accounts were created.
        """
        self._security.check_session_login(request)
        self._sign_ups.use(request)
        password_hash = await self._passwords.hash(new.password)
        account = await self._accounts.add(new.username, password_hash)
        await self._security.login_session(account, request)
        return Profile(account.username)

    @both("GET", "/account", "account_show")
    async def show(self, viewer: CurrentUser[Account] | None) -> Profile | None:
        """Return the account that is signed in, or nothing."""
        return None if viewer is None else Profile(viewer.username)
