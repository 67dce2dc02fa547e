"""Access rules and logins of sites that have no users."""

import pytest

from tests.bundles.web.conftest import Site
from tests.bundles.web.users import Users

GET = "async def get(client): return 1"

NEEDS = {
    "app/get.py": GET,
    "app/a/access.py": "intro = True\nguests = False",
    "app/b/access.py": "groups = ['admin']",
    "app/b/c/access.py": "virtual = True",
    "app/open/access.py": "groups = ['local', 'admin']",
    "app/auth/access.py": "auth = 'a:b'",
}


async def test_access_that_needs_a_user_is_a_warning_without_users(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    await site.start(NEEDS)

    [warning] = [text for text in caplog.messages if "all requests are refused" in text]
    assert "app/a/access.py:2, " in warning
    assert "app/b/access.py:1, " in warning
    assert "app/b/c/access.py: all requests are refused, since access needs a user" in warning
    assert "write create_application(users=…) in app.py" in warning
    assert "app/open/" not in warning
    assert "app/auth/" not in warning


async def test_access_that_needs_a_user_is_no_warning_with_users(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    await site.start(NEEDS, users=Users)

    assert "all requests are refused" not in caplog.text


async def test_access_that_needs_a_user_is_a_warning_after_a_reload_only_if_it_is_new(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    await site.start(NEEDS)
    caplog.clear()

    await site.change({"app/b/get.py": GET})
    assert "refused" not in caplog.text

    await site.change({"app/new/access.py": "guests = False"})
    assert "app/new/access.py:1: all requests are refused" in caplog.text


async def test_sign_in_without_users_is_an_error_with_the_fix(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    text = "async def post(client): await client.sign_in({'a': 1})"
    client = await site.start({"app/login.json/post.py": text})

    assert (await client.http("POST /login.json")).status_code == 500
    assert "this site has no users; write create_application(users=…) in app.py" in caplog.text
