"""Sign-up, login and profiles."""

from typing import Annotated

import msgspec
from injector import inject
from sqlalchemy import delete

from bundles.resources import Entity, Envelope, Repository, View, apply
from bundles.resources.users import DatabaseUsers
from bundles.security import AccessTokens, AddressLimit, CurrentUser, Passwords, Security, access
from conduit_app.messages import Login, NewUser, Profile, UserChange, UserView
from conduit_app.tables import Follow, User
from rxkernel import Body, Request, both

Viewer = CurrentUser[User]
UserResponse = Annotated[UserView, Envelope("user")]
ProfileResponse = Annotated[User, View(Profile), Envelope("profile")]
UserOfPath = Annotated[User, Entity("username")]


class Accounts(DatabaseUsers[User]):
    """The users of the bundle security. Tokens have the id: names and emails may change."""

    identity_field = "id"
    login_field = "email"


class Users(Repository[User]): ...


@access("authenticated")
class UserController:
    @inject
    def __init__(self, security: Security, passwords: Passwords, tokens: AccessTokens) -> None:
        self._security = security
        self._passwords = passwords
        self._tokens = tokens
        self._sign_ups = AddressLimit(100, window=3600.0, code="too_many_sign_ups")

    async def _view(self, user: User) -> UserView:
        token, _ = await self._tokens.create(str(user.id))
        return UserView(user.username, user.email, user.bio, user.image, token)

    @access("public")
    @both("POST", "/users", "user_create", status_code=201)
    async def create(
        self, new: Annotated[NewUser, Body("user")], users: Users, request: Request
    ) -> UserResponse:
        self._sign_ups.use(request)
        password_hash = await self._passwords.hash(new.password)
        user = User(username=new.username, email=new.email, password_hash=password_hash)
        return await self._view(await users.add(user))

    @access("public")
    @both("POST", "/users/login", "user_login")
    async def login(self, login: Annotated[Login, Body("user")], request: Request) -> UserResponse:
        return await self._view(
            await self._security.user_with(login.email, login.password, request)
        )

    @both("GET", "/user", "user_show")
    async def show(self, viewer: Viewer) -> UserResponse:
        return await self._view(viewer)

    @both("PUT", "/user", "user_change")
    async def change(
        self, change: Annotated[UserChange, Body("user")], users: Users, viewer: Viewer
    ) -> UserResponse:
        fields = msgspec.structs.asdict(change)
        if (password := fields.pop("password")) is not msgspec.UNSET:
            fields["password_hash"] = await self._passwords.hash(password)
        user = await users.get(viewer.id)
        apply(user, fields)
        await users.refresh(user)
        if "password_hash" in fields:
            await self._security.logout(user)
        return await self._view(user)


@access("authenticated")
class ProfileController:
    @access("public")
    @both("GET", "/profiles/{username}", "profile_show")
    async def show(self, user: UserOfPath) -> ProfileResponse:
        return user

    @both("POST", "/profiles/{username}/follow", "profile_follow")
    async def follow(self, user: UserOfPath, users: Users, viewer: Viewer) -> ProfileResponse:
        await users.session.merge(Follow(follower_id=viewer.id, followed_id=user.id))
        return await users.refresh(user)

    @both("DELETE", "/profiles/{username}/follow", "profile_unfollow")
    async def unfollow(self, user: UserOfPath, users: Users, viewer: Viewer) -> ProfileResponse:
        mine = (Follow.follower_id == viewer.id, Follow.followed_id == user.id)
        await users.session.execute(delete(Follow).where(*mine))
        return await users.refresh(user)
