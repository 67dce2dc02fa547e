"""``system/introspect``: the data that clients load, and the descriptions for people."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from bundles.autoload import AutoloadBundle, AutoloadSettings
from bundles.contracts import contract
from bundles.metacom import METACOM
from bundles.security import SecurityBundle, UserProvider, access
from bundles.sessions import SessionsBundle
from rxkernel import Connection, Request, procedure
from tests.bundles.metacom.conftest import Site, SiteOf
from tests.bundles.metacom.example import Example
from tests.bundles.metacom.matrix import call, sending


@attrs.frozen
class City:
    """A city."""

    name: str
    area: float = 0.0


class Described:
    @procedure("city/get", METACOM, arguments="value")
    @contract(
        caption="A city",
        description="Returns a city.",
        parameters={"id": "number", "lang?": "string"},
        returns={"name": "string"},
        errors={"unknown": "No such city"},
        deprecated="city.2/get",
    )
    async def get(self, id: int, lang: str = "en") -> Any:
        return {"name": "Rome"}

    @procedure("city/add", METACOM, arguments="value")
    async def add(self, city: City, count: int = 1) -> list[City]:
        """Add a city."""
        return [city] * count

    @procedure("city/fields", METACOM, arguments="value")
    async def fields(self, city: City) -> City:
        return city

    @procedure("city/any", METACOM, arguments="value")
    async def any(self, request: Request, connection: Connection | None) -> Any:
        return request.body


class Users(UserProvider[dict[str, Any]]):
    async def load(self, identifier: str) -> dict[str, Any] | None:
        return None


async def until_async(ask: Callable[[], Awaitable[Any]], accepts: Callable[[Any], bool]) -> None:
    """Ask until the result is accepted."""
    async with asyncio.timeout(20):
        while not accepts(await ask()):  # noqa: ASYNC110 - files are watched
            await asyncio.sleep(0.01)


async def introspect(site: Site, units: Any, way: str = "websocket") -> Any:
    async with sending(site, way) as send:
        return (await send(call("system/introspect", units))).packet


# T08
@pytest.mark.parametrize("way", ["websocket", "http"])
async def test_unknown_units_are_left_out(site_of: SiteOf, way: str) -> None:
    site = await site_of(Example)

    packet = await introspect(site, ["example", "nope", "__proto__"], way)

    assert packet["result"].keys() == {"example"}
    assert packet["result"]["example"].keys() == {
        *("hello", "add", "echo", "value", "wait", "fail", "notify")
    }


async def test_description_has_types_required_texts_access_and_deprecated(
    site_of: SiteOf,
) -> None:
    site = await site_of(Described)

    found = (await introspect(site, ["city"]))["result"]["city"]

    assert found["get"] == {
        "caption": "A city",
        "description": "Returns a city.",
        "parameters": {
            "type": "object",
            "properties": {"id": {"type": "number"}, "lang": {"type": ["string", "null"]}},
            "required": ["id"],
            "additionalProperties": False,
        },
        "returns": {
            "type": "object",
            "properties": {"name": {"type": "string"}},
            "required": ["name"],
            "additionalProperties": False,
        },
        "access": "public",
        "errors": {"unknown": "No such city"},
        "deprecated": "city.2/get",
    }


async def test_description_of_typed_method_has_its_classes(site_of: SiteOf) -> None:
    site = await site_of(Described)

    found = (await introspect(site, ["city"]))["result"]["city"]

    city = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "area": {"type": "number", "default": 0.0}},
        "required": ["name"],
        "additionalProperties": False,
        "description": "A city.",
    }
    assert found["add"]["description"] == "Add a city."
    parameters = found["add"]["parameters"]
    assert parameters["properties"]["count"] == {"type": "integer", "default": 1}
    assert parameters["required"] == ["city"]
    assert parameters["properties"]["city"] == {"$ref": "#/$defs/City"}
    assert parameters["$defs"]["City"] == city
    assert found["any"] == {"access": "public"}


async def test_compat_lists_the_names_of_parameters(site_of: SiteOf) -> None:
    site = await site_of(Described, compat=True)

    assert (await introspect(site, ["city"]))["result"]["city"] == {
        "get": ["id", "lang"],
        "add": ["city", "count"],
        "fields": ["name", "area"],
        "any": [],
    }


@pytest.mark.parametrize("units", [{"a": 1}, [1], [["example"]]])
async def test_arguments_that_are_not_names_are_422(site_of: SiteOf, units: Any) -> None:
    site = await site_of(Example)

    assert (await introspect(site, units))["error"]["code"] == 422


async def test_introspection_without_arguments_loads_no_units(site_of: SiteOf) -> None:
    site = await site_of(Example)

    assert (await introspect(site, []))["result"] == {}


class Own:
    @procedure("system/introspect", METACOM, arguments="value")
    async def introspect(self) -> str:
        return "own"


async def test_method_of_the_application_has_priority(site_of: SiteOf) -> None:
    site = await site_of(Own)

    assert (await introspect(site, []))["result"] == "own"


class Restricted:
    @procedure("system/introspect", METACOM)
    @access("authenticated")
    async def introspect(self) -> Any: ...


@pytest.mark.parametrize("way", ["websocket", "http"])
@pytest.mark.parametrize(
    "name", ["metacom/introspect", "metacom.1/introspect", "metacom.*/introspect"]
)
async def test_introspection_of_the_bundle_has_no_other_name(
    site_of: SiteOf, way: str, name: str
) -> None:
    site = await site_of(Restricted, bundles=(SessionsBundle, SecurityBundle(Users)))
    async with sending(site, way) as send:
        assert (await send(call(name, ["metacom"]))).error == ("Not Found", 404)
        assert (await send(call("system/introspect"))).error == ("Unauthorized", 401)


async def test_unit_system_of_the_application_keeps_introspection(site_of: SiteOf) -> None:
    class System:
        @procedure("system/time", METACOM)
        async def time(self) -> int:
            return 1

    site = await site_of(System)

    assert (await introspect(site, ["system"]))["result"]["system"].keys() == {
        *("time", "introspect")
    }


VERSIONS = {
    "versioned.1/hello": "return 1",
    "versioned.1/only1": "return 1",
    "versioned.2/hello": "return 2",
}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, body in files.items():
        file = folder / "api" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"access = 'public'\nasync def method():\n    {body}\n")


# T09, T10
@pytest.mark.parametrize("way", ["websocket", "http"])
async def test_highest_version_is_the_default(site_of: SiteOf, tmp_path: Path, way: str) -> None:
    write(tmp_path, VERSIONS)
    site = await site_of(bundles=(AutoloadBundle(tmp_path),))
    async with sending(site, way) as send:
        results = {
            name: (await send(call(name))).packet
            for name in (
                *("versioned/hello", "versioned.*/hello", "versioned.1/hello"),
                *("versioned.1/only1", "versioned.3/hello", "versioned.x/hello"),
                "versioned/only1",
            )
        }

    assert [one.get("result") or one["error"]["code"] for one in results.values()] == [
        *(2, 2, 1),
        *(1, 404, 404),
        404,
    ]


# T11
async def test_unit_loaded_with_a_version_has_the_requested_name(
    site_of: SiteOf, tmp_path: Path
) -> None:
    write(tmp_path, VERSIONS)
    site = await site_of(bundles=(AutoloadBundle(tmp_path),))

    found = (await introspect(site, ["versioned", "versioned.1", "versioned.3"]))["result"]

    assert {unit: list(methods) for unit, methods in found.items()} == {
        "versioned": ["hello"],
        "versioned.1": ["hello", "only1"],
    }


async def test_reload_changes_the_methods_and_the_own_introspection(
    site_of: SiteOf, tmp_path: Path
) -> None:
    write(tmp_path, VERSIONS)
    site = await site_of(
        bundles=(AutoloadBundle(tmp_path),), sections={"autoload": AutoloadSettings(reload=True)}
    )
    async with sending(site, "websocket") as send:

        async def asked(*units: str) -> Any:
            reply = await send(call("system/introspect", list(units)))
            return reply.packet.get("result")

        assert (await asked("late")) == {}
        write(tmp_path, {"late/one": "return 1"})
        await until_async(lambda: asked("late"), lambda result: "late" in result)
        write(tmp_path, {"system/introspect": "return 'own'"})
        await until_async(lambda: asked(), lambda result: result == "own")
        (tmp_path / "api" / "system" / "introspect.py").unlink()
        await until_async(lambda: asked(), lambda result: result == {})


async def may_see_accounts(token: Any, request: Request) -> bool:
    return False


class Guarded:
    @procedure("guarded/admin", METACOM)
    @access(roles="admin")
    async def admin(self) -> None:
        """Internal: removes accounts of the host db7."""

    @procedure("guarded/described", METACOM)
    @access("fully_authenticated")
    @contract(description="For clients.")
    async def described(self) -> None:
        """Internal."""

    @procedure("guarded/policy", METACOM)
    @access(may_see_accounts, roles=("admin", "owner"))
    async def policy(self) -> None: ...

    @procedure("guarded/open", METACOM)
    @access("public")
    async def open(self) -> None:
        """Open."""


async def test_access_and_docstrings_of_protected_methods_have_no_internal_names(
    site_of: SiteOf,
) -> None:
    site = await site_of(Guarded, bundles=(SessionsBundle, SecurityBundle(Users)))

    found = (await introspect(site, ["guarded"]))["result"]["guarded"]

    assert found == {
        "admin": {"access": "roles"},
        "described": {"description": "For clients.", "access": "fully_authenticated"},
        "policy": {"access": "roles policy"},
        "open": {"description": "Open.", "access": "public"},
    }


# T13
@pytest.mark.parametrize("way", ["websocket", "http"])
@pytest.mark.parametrize("compat", [False, True], ids=["default", "compat"])
async def test_method_with_a_rule_is_rejected_before_it_runs(
    site_of: SiteOf, way: str, compat: bool
) -> None:
    """401 by default, since the client is unknown; 403 with ``compat``, as in Impress."""
    site = await site_of(Guarded, bundles=(SessionsBundle, SecurityBundle(Users)), compat=compat)
    async with sending(site, way) as send:
        reply = await send(call("guarded/admin"))

    expected = ("Forbidden", 403) if compat else ("Unauthorized", 401)
    assert reply.error == expected
    assert reply.status in (None, expected[1])
