"""The routes of the next snapshot: those of changed endpoints are replaced, others are kept."""

from collections.abc import Mapping

import pytest

from bundles.autoload import Endpoints, api
from rxkernel import ConfigurationError, KernelClient
from tests.bundles.autoload.conftest import Folder

FILES = {
    "lib/one.py": "def one(): return 1",
    "schemas/City.py": "schema = {'name': 'string'}",
    "api/chat/send.py": "access = 'public'\nasync def method(): return 1",
    "api/chat/other.py": "access = 'public'\nasync def method(): return 'other'",
    "api/city/add.py": """
        access = "public"
        parameters = {"city": "City"}

        async def method(city):
            return sorted(city)
        """,
    "api/city/inline.py": """
        access = "public"
        parameters = {"city": {"name": "string", "Kind": "string"}}

        async def method(city):
            return city
        """,
    "api/math/one.py": """
        from bundles.autoload import lib

        ONE = lib.one()
        access = "public"

        async def method():
            return ONE
        """,
    "api/math/late.py": """
        from bundles.autoload import lib

        access = "public"

        async def method():
            return lib.one()
        """,
}


async def reload(
    folder: Folder, files: Mapping[str, str], remove: tuple[str, ...] = ()
) -> tuple[set[str], set[str]]:
    """Serve the next snapshot; return the names of the routes that were added and removed."""
    endpoints = folder.application.injector.get(Endpoints)
    before = endpoints.routes
    await folder.change(files, remove)
    added, removed = endpoints.routes.changes_since(before)
    return {each.name for each in added}, {each.name for each in removed}


async def test_changed_file_replaces_its_own_routes_only(folder: Folder) -> None:
    client = KernelClient(await folder.boot(FILES))
    before = {d.name: d for d in folder.application.kernel.websocket_definitions}

    changes = await reload(
        folder, {"api/chat/send.py": "access = 'public'\nasync def method(): return 2"}
    )

    names = {"chat/send", "chat.1/send"}
    assert changes == (names, names)
    after = {d.name: d for d in folder.application.kernel.websocket_definitions}
    assert {name for name in after if after[name] is not before[name]} == names
    assert (await client.http("chat/send")).content == 2
    assert await api.chat.send() == 2


async def test_new_version_is_the_default_until_it_is_removed(folder: Folder) -> None:
    """Metarhia has no default version any more after the highest version was deleted."""
    client = KernelClient(await folder.boot(FILES))

    added = await reload(
        folder, {"api/chat.2/send.py": "access = 'public'\nasync def method(): return 2"}
    )
    second = (await client.http("chat/send")).content, (await client.http("chat.1/send")).content
    removed = await reload(folder, {}, ("api/chat.2/send.py",))

    assert added == ({"chat.2/send", "chat/send"}, {"chat/send", "chat/other"})
    assert removed == ({"chat/send", "chat/other"}, {"chat.2/send", "chat/send"})
    assert second == (2, 1)
    assert (await client.websocket("chat/send")).content == 1


# T50
async def test_removed_endpoint_is_not_found(folder: Folder) -> None:
    await folder.boot(FILES)

    assert await reload(folder, {}, ("api/chat/send.py",)) == (
        set(),
        {"chat/send", "chat.1/send"},
    )
    assert "chat/send" not in folder.application.kernel.websocket_definitions
    with pytest.raises(AttributeError, match=r"api\.chat has no 'send'"):
        _ = api.chat.send


async def test_changed_schema_replaces_the_endpoints_that_may_refer_to_it(folder: Folder) -> None:
    client = KernelClient(await folder.boot(FILES))

    changes = await reload(folder, {"schemas/City.py": "schema = {'name': 'string', 'a': 'int'}"})

    names = {"city/add", "city.1/add"}
    assert changes == (names, names)
    assert (await client.http("city/add", body={"city": {"name": "Rome"}})).status_code == 422
    found = await client.http("city/add", body={"city": {"name": "Rome", "a": 1}})
    assert found.content == ["a", "name"]


async def test_changed_module_replaces_the_endpoints_that_read_it_at_their_top(
    folder: Folder,
) -> None:
    client = KernelClient(await folder.boot(FILES))

    changes = await reload(folder, {"lib/one.py": "def one(): return 11"})

    names = {"math/one", "math.1/one"}
    assert changes == (names, names)
    assert (await client.http("math/one")).content == 11
    assert (await client.http("math/late")).content == 11


# T49
async def test_file_with_a_mistake_changes_no_route(folder: Folder) -> None:
    client = KernelClient(await folder.boot(FILES))
    text = "access = 'public'\nparameters = {'c': 'Cty'}\nasync def add(c): ..."
    folder.write({"api/city/add.py": text})
    endpoints = folder.application.injector.get(Endpoints)
    build = await folder.autoload.build(["api/city/add.py"])
    assert build is not None

    with pytest.raises(ConfigurationError, match=r"add\.py:2: parameters, 'c': unknown schema"):
        endpoints.routes_of(build.snapshot)

    await folder.autoload.discard(build)
    found = await client.http("city/add", body={"city": {"name": "Rome"}})
    assert found.content == ["name"]
    assert await api.city.add(city={"name": "Rome"}) == ["name"]
