"""The routes of RxStack: POST to ``/security/login``, ``…/refresh-token`` and ``…/logout``."""

import logging
import time
from typing import Annotated, TypedDict

import attrs
from injector import inject

from bundles.security.credentials.authentication import Authentication
from bundles.security.credentials.session_reader import SessionReader
from bundles.security.rules.access import OPTION, PUBLIC
from bundles.security.security import Security, TokenPair
from bundles.security.settings import SecuritySettings
from bundles.security.user_attributes import class_without
from bundles.security.users import UserProvider
from rxkernel import (
    ApplicationEvents,
    Body,
    BootstrapEvent,
    HttpMetadata,
    NotFoundException,
    Request,
    Response,
    observe,
)

logger = logging.getLogger(__name__)

_LONGEST = 1024


@attrs.frozen(kw_only=True)
class LoginForm:
    """The body of a login. With *session* the login is kept in a session with a cookie, and the
    response has no tokens."""

    username: str = attrs.field(validator=attrs.validators.max_len(_LONGEST))
    password: str = attrs.field(validator=attrs.validators.max_len(_LONGEST), repr=False)
    session: bool = False


class Tokens(TypedDict):
    """An access token, and a refresh token to get the next one."""

    token: str
    refreshToken: str


class LoginController:
    @inject
    def __init__(
        self, security: Security, authentication: Authentication, sessions: SessionReader
    ) -> None:
        self._security = security
        self._authentication = authentication
        self._sessions = sessions

    async def login(self, request: Request, form: LoginForm) -> Tokens | Response:
        """Log in with a password.

        Responses:
            204: with ``session``, the login is kept in a cookie.

        Raises:
            UnauthorizedException: unknown user or wrong password.
            ForbiddenException: with ``session``, the request comes from another site.
            UnprocessableEntityException: with ``session``, the application has no sessions.
            TooManyRequestsException: too many logins have failed.
        """
        began = time.time()
        user = await self._security.user_with(form.username, form.password, request)
        if form.session:
            await self._security.login_session(user, request, began=began)
            response = Response(None, 204)
        else:
            response = _tokens(await self._security.login(user, request, began=began))
        request.token = self._authentication.token(user, "login")
        return response

    async def refresh_token(
        self, refresh_token: Annotated[str, Body("refreshToken")]
    ) -> Tokens | Response:
        """Exchange a refresh token for an access token and the next refresh token.

        Raises:
            NotFoundException: the refresh token is unknown, has expired or was revoked.
            UnauthorizedException: it was used before, or its user does not exist any more: the
                login has ended.
            TooManyRequestsException: it was used ten times at nearly the same time.
        """
        return _tokens(await self._security.refresh(refresh_token))

    async def logout(
        self, request: Request, refresh_token: Annotated[str | None, Body("refreshToken")] = None
    ) -> None:
        """End the login of the refresh token; without one, the logins of the access token and the
        session. A session that has ended before is not an error.

        Raises:
            NotFoundException: the refresh token is unknown, or no credential was sent.
            ForbiddenException: the request comes from another site.
        """
        if refresh_token is not None:
            await self._security.end_login(refresh_token)
            return
        is_ended = await self._security.end_session(request)
        if request.token.credential == "bearer":
            await self._security.revoke(request.token)
        elif not is_ended and not self._sessions.is_sent(request):
            raise NotFoundException(
                "no login to end: send a refresh token, an access token or a session"
            )


def _tokens(pair: TokenPair) -> Response:
    content = Tokens(token=pair.token, refreshToken=pair.refresh_token)
    return Response(content, headers={"Cache-Control": "no-store"})  # RFC 6749 §5.1


class LoginRoutes:
    """Adds the routes that the settings enable."""

    @inject
    def __init__(
        self,
        settings: SecuritySettings,
        controller: LoginController,
        users: UserProvider,  # type: ignore[type-arg] # as a key
    ) -> None:
        self._routes = settings.routes
        self._controller = controller
        self._provider = type(users).__qualname__
        self._without_passwords = class_without(users, "password_hash")

    @observe(ApplicationEvents.BOOTSTRAP)
    async def add(self, event: BootstrapEvent) -> None:
        if self._routes.login and self._without_passwords is not None:
            logger.warning(
                "all logins by POST /security/login will fail: %s loads users of the class %s, "
                "which has no attribute password_hash; add it, override password_hash() of %s, or "
                "set security.routes.login = false",
                self._provider,
                self._without_passwords.__qualname__,
                self._provider,
            )
        for action, is_enabled in attrs.asdict(self._routes).items():
            if is_enabled:
                event.http_metadata_storage.add(self._metadata(action))

    def _metadata(self, action: str) -> HttpMetadata:
        return HttpMetadata(
            target=self._controller,
            name=f"security_{action}",
            path=f"/security/{action.replace('_', '-')}",
            http_method="POST",
            action=action,
            options={OPTION: PUBLIC},
            status_code=204 if action == "logout" else 200,
        )
