"""Users of sites, for tests."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import attrs

from bundles.autoload import create_application
from bundles.security import UserProvider
from tests.bundles.web.conftest import Site
from tests.serving import serving

SECRET = "s3cret-of-the-tests-with-32-bytes!"


@attrs.frozen
class User:
    username: str
    roles: tuple[str, ...] = ()


class Users(UserProvider[User]):
    async def load(self, identifier: str) -> User | None:
        known = {"ada": User("ada"), "root": User("root", ("admin",))}
        return known.get(identifier)


@asynccontextmanager
async def served_with_users(
    site: Site, files: Mapping[str, str | bytes], **overrides: object
) -> AsyncIterator[aiohttp.ClientSession]:
    """Serve *files* with `Users`; a session of a browser, which keeps cookies of 127.0.0.1."""
    site.write(files)
    application = create_application(site.root, users=Users)
    application.load_settings(
        {
            "http.port": 0,
            "http.host": "127.0.0.1",
            "security.tokens.secret": SECRET,
            **overrides,
        }
    )
    jar = aiohttp.CookieJar(unsafe=True)  # cookies of an address
    async with serving(application):
        url = application.servers["http"].url
        async with aiohttp.ClientSession(url, cookie_jar=jar) as session:
            yield session
