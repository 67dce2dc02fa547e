"""The example docs/examples/conduit: the rules of the RealWorld API, over both transports."""

from typing import Any

import attrs
import msgspec
import pytest
from conduit_app import SECURITY, SETTINGS, create_application

from bundles.resources import ResourcesSettings
from bundles.security import PasswordSettings, TokenSettings
from rxkernel import Application, KernelClient
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.resources.articles import create_tables
from tests.bundles.resources.servers import TestDatabase

PASSWORD = "a long password"
QUICK = attrs.evolve(
    SECURITY,
    passwords=PasswordSettings(memory=8, iterations=1),
    tokens=TokenSettings(secret="a secret of the tests, 32 bytes!"),
)


def conduit(**bundles: Any) -> Application:
    return create_application(attrs.evolve(SETTINGS, bundles={"security": QUICK, **bundles}))


@attrs.frozen
class Api:
    """Calls routes as a frontend does."""

    client: KernelClient
    transport: str = "http"

    async def __call__(
        self, route: str, by: str | None = None, body: Any = None, **params: Any
    ) -> tuple[int, Any]:
        """Return the status and the content as JSON; *by* is the token of a user."""
        headers = {} if by is None else {"Authorization": f"Token {by}"}
        if self.transport == "http":
            response = await self.client.http(route, params=params, body=body, headers=headers)
        else:
            async with self.client.connection(headers=headers) as socket:
                response = await self.client.websocket(
                    route, params=params, body=body, connection=socket
                )
        return response.status_code, msgspec.to_builtins(response.content)

    async def sign_up(self, name: str) -> str:
        """Add a user; return the token."""
        user = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
        status, content = await self("user_create", body={"user": user})
        assert status == 201
        token: str = content["user"]["token"]
        return token

    async def write(self, by: str, title: str, *tags: str) -> str:
        """Add an article; return its slug."""
        article = {"title": title, "description": "d", "body": "b", "tagList": list(tags)}
        status, content = await self("article_create", by, {"article": article})
        assert status == 201
        slug: str = content["article"]["slug"]
        return slug

    async def titles(
        self, route: str = "article_list", by: str | None = None, **query: Any
    ) -> Any:
        """Return the titles of a list, and the number of all articles of the query."""
        status, content = await self(route, by, **query)
        assert status == 200
        return [each["title"] for each in content["articles"]], content["articlesCount"]


@pytest.fixture(params=["http", "websocket"])
def api(client_of: ClientOf, request: pytest.FixtureRequest) -> Api:
    return Api(client_of(conduit(), database="memory"), request.param)


@pytest.fixture
def http_api(client_of: ClientOf) -> Api:
    return Api(client_of(conduit(), database="memory"))


# --- users


async def test_user_signs_up_logs_in_and_is_shown(api: Api) -> None:
    token = await api.sign_up("ada")
    shown = {"username": "ada", "email": "ada@example.org", "bio": None, "image": None}

    status, content = await api("user_show", token)
    assert (status, content["user"]) == (200, {**shown, "token": content["user"]["token"]})

    login = {"user": {"email": "ada@example.org", "password": PASSWORD}}
    status, content = await api("user_login", body=login)
    assert status == 200
    status, content = await api("user_show", content["user"]["token"])
    assert (status, content["user"]["username"]) == (200, "ada")


async def test_login_wrong_is_401(http_api: Api) -> None:
    """The id of a user, which tokens contain, cannot be used to log in."""
    await http_api.sign_up("ada")
    logins = [("ada@example.org", "wrong"), ("bob@example.org", PASSWORD), ("1", PASSWORD)]

    for email, password in logins:
        login = {"email": email, "password": password}
        status, content = await http_api("user_login", body={"user": login})

        assert (status, list(content)) == (401, ["errors"]), email


async def test_sign_up_invalid_is_422_with_all_fields(api: Api) -> None:
    user = {"username": "", "email": "ada", "password": "short"}

    assert await api("user_create", body={"user": user}) == (
        422,
        {
            "errors": {
                "username": ["is too short"],
                "email": ["is invalid"],
                "password": ["is too short"],
            }
        },
    )
    status, content = await api("user_create", body={"user": {"username": "ada"}})
    assert (status, content) == (
        422,
        {"errors": {"email": ["can't be blank"], "password": ["can't be blank"]}},
    )


async def test_sign_up_taken_is_422(http_api: Api) -> None:
    await http_api.sign_up("ada")
    bob = {"username": "bob", "email": "bob@example.org", "password": PASSWORD}

    for field, taken in (("username", "ada"), ("email", "ada@example.org")):
        status, content = await http_api("user_create", body={"user": {**bob, field: taken}})

        assert (status, content) == (422, {"errors": {field: ["has already been taken"]}})


async def test_user_changes_fields_that_are_sent(api: Api) -> None:
    token = await api.sign_up("ada")

    await api("user_change", token, {"user": {"bio": "wrote the first program"}})
    status, content = await api("user_change", token, {"user": {"username": "lovelace"}})
    assert (status, content["user"]["bio"]) == (200, "wrote the first program")
    assert content["user"]["username"] == "lovelace"

    status, content = await api("user_change", token, {"user": {"bio": None}})
    assert (status, content["user"]["bio"]) == (200, None)
    status, content = await api("user_show", token)  # the token does not contain the name
    assert (status, content["user"]["username"]) == (200, "lovelace")


async def test_user_changes_password_and_old_tokens_end(http_api: Api) -> None:
    old = await http_api.sign_up("ada")

    status, content = await http_api("user_change", old, {"user": {"password": "another one"}})

    assert status == 200
    assert (await http_api("user_show", old))[0] == 401
    assert (await http_api("user_show", content["user"]["token"]))[0] == 200
    login = {"email": "ada@example.org", "password": "another one"}
    assert (await http_api("user_login", body={"user": login}))[0] == 200
    login["password"] = PASSWORD
    assert (await http_api("user_login", body={"user": login}))[0] == 401


async def test_user_changes_to_a_taken_name_and_keeps_all(http_api: Api) -> None:
    ada = await http_api.sign_up("ada")
    await http_api.sign_up("bob")

    change = {"username": "bob", "bio": "new", "password": "another one"}
    status, content = await http_api("user_change", ada, {"user": change})

    assert (status, content) == (422, {"errors": {"username": ["has already been taken"]}})
    status, content = await http_api("user_show", ada)
    assert (status, content["user"]["bio"]) == (200, None)


# --- profiles


async def test_profile_is_followed_and_unfollowed(api: Api) -> None:
    ada = await api.sign_up("ada")
    await api.sign_up("bob")
    profile = {"username": "bob", "bio": None, "image": None, "following": False}
    followed = {"profile": {**profile, "following": True}}

    assert await api("profile_show", username="bob") == (200, {"profile": profile})
    for _ in range(2):  # a second time is not an error
        assert await api("profile_follow", ada, username="bob") == (200, followed)
    assert await api("profile_show", ada, username="bob") == (200, followed)
    assert await api("profile_show", username="bob") == (200, {"profile": profile})
    assert await api("profile_unfollow", ada, username="bob") == (200, {"profile": profile})
    assert (await api("profile_show", ada, username="eve"))[0] == 404


# --- articles


async def test_article_is_created_and_shown(api: Api) -> None:
    token = await api.sign_up("ada")
    new = {"title": "How to train", "description": "d", "body": "b", "tagList": ["b", "a", "b"]}

    status, content = await api("article_create", token, {"article": new})

    article = content["article"]
    assert status == 201
    assert article == {
        **new,
        "slug": "how-to-train",
        "tagList": ["a", "b"],
        "createdAt": article["createdAt"],
        "updatedAt": article["updatedAt"],
        "favorited": False,
        "favoritesCount": 0,
        "author": {"username": "ada", "bio": None, "image": None, "following": False},
    }
    assert article["createdAt"].endswith("Z")
    assert await api("article_show", slug="how-to-train") == (200, {"article": article})


async def test_article_slug_is_unique_and_not_the_path_of_the_feed(http_api: Api) -> None:
    """The path of the feed, and a title without letters, get a random slug too."""
    ada = await http_api.sign_up("ada")
    await http_api.write(ada, "One")

    for title, beginning in (("One", "one-"), ("Feed", "feed-"), ("?!", ""), ("ÄÖ ü", "äö-ü")):
        slug = await http_api.write(ada, title)

        assert slug.startswith(beginning)
        assert slug not in ("", "one", "feed")
        status, content = await http_api("article_show", slug=slug)
        assert (status, content["article"]["title"]) == (200, title)


async def test_article_invalid_is_422(api: Api) -> None:
    ada = await api.sign_up("ada")

    assert await api("article_create", ada, {"article": {"title": "", "description": "d"}}) == (
        422,
        {"errors": {"title": ["is too short"], "body": ["can't be blank"]}},
    )
    status, content = await api("article_create", ada, {})
    assert (status, content) == (422, {"errors": {"article": ["can't be blank"]}})


async def test_article_change_of_title_changes_slug(api: Api) -> None:
    ada = await api.sign_up("ada")
    slug = await api.write(ada, "One", "tag")

    status, content = await api("article_change", ada, {"article": {"body": "new"}}, slug=slug)
    assert (status, content["article"]["slug"]) == (200, slug)
    assert content["article"]["body"] == "new"
    assert content["article"]["updatedAt"] > content["article"]["createdAt"]

    status, content = await api("article_change", ada, {"article": {"title": "Two"}}, slug=slug)
    assert (status, content["article"]["slug"], content["article"]["tagList"]) == (
        200,
        "two",
        ["tag"],
    )
    assert (await api("article_show", slug=slug))[0] == 404


async def test_article_of_another_author_is_403(api: Api) -> None:
    ada, bob = await api.sign_up("ada"), await api.sign_up("bob")
    slug = await api.write(ada, "One")

    changed = await api("article_change", bob, {"article": {"body": "new"}}, slug=slug)
    assert changed == (403, {"errors": {"body": ["it is of another author"]}})
    assert (await api("article_delete", bob, slug=slug))[0] == 403
    assert (await api("article_show", slug=slug))[1]["article"]["body"] == "b"


async def test_article_is_deleted_with_its_comments_and_favorites(api: Api) -> None:
    ada, bob = await api.sign_up("ada"), await api.sign_up("bob")
    slug = await api.write(ada, "One", "tag")
    await api("comment_create", bob, {"comment": {"body": "nice"}}, slug=slug)
    await api("article_favorite", bob, slug=slug)

    assert await api("article_delete", ada, slug=slug) == (204, None)

    assert (await api("article_show", slug=slug))[0] == 404
    assert (await api("comment_list", slug=slug))[0] == 404
    assert await api("tag_list") == (200, {"tags": []})
    assert await api.titles(favorited="bob") == ([], 0)


async def test_routes_without_token_are_401(http_api: Api) -> None:
    """All requests that RealWorld lists as "authentication required"."""
    names = "user_show user_change profile_follow profile_unfollow article_feed article_create"
    names += " article_change article_delete article_favorite article_unfavorite"

    for route in (*names.split(), "comment_create", "comment_delete"):
        status, content = await http_api(route, slug="one", username="ada", id=1)

        assert (status, list(content["errors"])) == (401, ["body"]), route


# --- lists


async def test_articles_are_listed_newest_first_in_pages(api: Api) -> None:
    ada = await api.sign_up("ada")
    for number in range(5):
        await api.write(ada, f"T{number}")

    assert await api.titles() == (["T4", "T3", "T2", "T1", "T0"], 5)
    assert await api.titles(limit=2) == (["T4", "T3"], 5)
    assert await api.titles(limit=2, offset=3) == (["T1", "T0"], 5)
    assert await api.titles(offset=9) == ([], 5)
    status, content = await api("article_list", limit=0)
    assert (status, list(content["errors"])) == (422, ["limit"])
    status, content = await api("article_list", limit=1)
    assert "body" not in content["articles"][0]


async def test_articles_are_listed_by_author_tag_and_favorite(api: Api) -> None:
    ada, bob = await api.sign_up("ada"), await api.sign_up("bob")
    await api.write(ada, "A", "x", "bob")
    slug = await api.write(bob, "B", "x", "y")
    await api("article_favorite", ada, slug=slug)

    assert await api.titles(author="ada") == (["A"], 1)
    assert await api.titles(tag="x") == (["B", "A"], 2)
    assert await api.titles(tag="y", author="bob") == (["B"], 1)
    assert await api.titles(favorited="ada") == (["B"], 1)
    assert await api.titles(tag="bob", author="bob") == ([], 0)
    assert await api.titles(author="eve") == ([], 0)
    assert await api("tag_list") == (200, {"tags": ["x", "bob", "y"]})


async def test_feed_has_articles_of_followed_authors(api: Api) -> None:
    ada, bob, eve = [await api.sign_up(name) for name in ("ada", "bob", "eve")]
    await api("profile_follow", ada, username="bob")
    for token, title in ((bob, "B1"), (eve, "E"), (bob, "B2"), (ada, "A")):
        await api.write(token, title)

    assert await api.titles("article_feed", ada) == (["B2", "B1"], 2)
    assert await api.titles("article_feed", ada, limit=1, offset=1) == (["B1"], 2)
    assert await api.titles("article_feed", eve) == ([], 0)
    _, content = await api("article_feed", ada)
    assert content["articles"][0]["author"]["following"] is True


async def test_favorite_counts_each_user_once(api: Api) -> None:
    ada, bob = await api.sign_up("ada"), await api.sign_up("bob")
    slug = await api.write(ada, "One")

    async def marks(route: str, by: str | None) -> tuple[bool, int]:
        status, content = await api(route, by, slug=slug)
        assert status == 200
        return content["article"]["favorited"], content["article"]["favoritesCount"]

    assert await marks("article_favorite", ada) == (True, 1)
    assert await marks("article_favorite", ada) == (True, 1)
    assert await marks("article_favorite", bob) == (True, 2)
    assert await marks("article_unfavorite", ada) == (False, 1)
    assert await marks("article_unfavorite", ada) == (False, 1)
    assert await marks("article_show", bob) == (True, 1)
    assert await marks("article_show", None) == (False, 1)
    assert (await api("article_favorite", ada, slug="two"))[0] == 404


# --- comments


async def test_comments_are_added_listed_and_deleted(api: Api) -> None:
    ada, bob = await api.sign_up("ada"), await api.sign_up("bob")
    slug = await api.write(ada, "One")
    other = await api.write(ada, "Two")
    await api("profile_follow", ada, username="bob")

    status, content = await api("comment_create", bob, {"comment": {"body": "nice"}}, slug=slug)
    comment = content["comment"]
    author = {"username": "bob", "bio": None, "image": None, "following": False}
    assert status == 201
    assert sorted(comment) == ["author", "body", "createdAt", "id", "updatedAt"]
    assert (comment["body"], comment["author"]) == ("nice", author)

    status, content = await api("comment_list", ada, slug=slug)
    seen = {**comment, "author": {**author, "following": True}}
    assert (status, content) == (200, {"comments": [seen]})
    assert await api("comment_list", slug=other) == (200, {"comments": []})

    id = comment["id"]
    assert (await api("comment_delete", bob, slug=other, id=id))[0] == 404
    assert (await api("comment_delete", ada, slug=slug, id=id))[0] == 403
    assert await api("comment_delete", bob, slug=slug, id=id) == (204, None)
    assert (await api("comment_delete", bob, slug=slug, id=id))[0] == 404
    empty = await api("comment_create", bob, {"comment": {"body": ""}}, slug=slug)
    assert empty == (422, {"errors": {"body": ["is too short"]}})


async def test_watchers_of_article_get_events_of_its_comments(http_api: Api) -> None:
    client, ada = http_api.client, await http_api.sign_up("ada")
    slug = await http_api.write(ada, "One")
    async with client.connection() as watcher, client.connection() as stranger:
        await client.websocket("comment_watch", params={"slug": slug}, connection=watcher)

        new = {"comment": {"body": "nice"}}
        _, content = await http_api("comment_create", ada, new, slug=slug)
        await http_api("comment_create", ada, {"comment": {"body": ""}}, slug=slug)
        id = content["comment"]["id"]
        await http_api("comment_delete", ada, slug=slug, id=id)

        assert watcher.emitted == [
            ("comment_created", (slug, id)),
            ("comment_deleted", (slug, id)),
        ]
        assert stranger.emitted == []


async def test_error_without_fields_has_the_same_shape(http_api: Api) -> None:
    assert await http_api("article_show", slug="none") == (
        404,
        {"errors": {"body": ["Not Found"]}},
    )


async def test_conduit_serves_its_api_on_each_database(
    client_of: ClientOf, any_database: TestDatabase
) -> None:
    application = conduit(resources=ResourcesSettings(url=any_database.url))
    await create_tables(application)
    api = Api(client_of(application))
    ada, bob = await api.sign_up("ada"), await api.sign_up("bob")
    await api("user_change", ada, {"user": {"bio": "b" * 3000}})
    slug = await api.write(ada, "One", "y", "x")
    await api.write(bob, "Two", "x")
    await api("profile_follow", bob, username="ada")
    await api("comment_create", bob, {"comment": {"body": "nice"}}, slug=slug)

    assert await api.titles("article_feed", bob) == (["One"], 1)
    assert await api.titles(tag="x") == (["Two", "One"], 2)
    assert await api("tag_list") == (200, {"tags": ["x", "y"]})
    status, content = await api("article_favorite", bob, slug=slug)
    article = content["article"]
    assert (status, article["favorited"], article["favoritesCount"]) == (200, True, 1)
    assert (article["author"]["following"], article["tagList"]) == (True, ["x", "y"])
    assert await api.titles(favorited="bob", author="ada") == (["One"], 1)
    again = {"username": "bob", "email": "eve@example.org", "password": PASSWORD}
    assert (await api("user_create", body={"user": again}))[1] == {
        "errors": {"username": ["has already been taken"]}
    }
    assert (await api("article_delete", ada, slug=slug))[0] == 204
    assert await api.titles() == (["Two"], 1)
