"""``await api.unit.method(…)``: the caller's context and the contract, without access rules."""

import pytest

from bundles.autoload import ArgumentsError, api
from bundles.contracts import DomainError
from rxkernel import (
    KernelClient,
    RequestTimeoutException,
    RxKernelError,
)
from tests.bundles.autoload.conftest import Folder

FILES = {
    "api/city/area.py": """
        import asyncio

        from bundles.contracts import DomainError

        access = "public"
        parameters = {"name": "string", "unit?": "string"}
        returns = "number"
        timeout = 0.05
        errors = {"unknown": "There is no such city"}

        def validate(arguments):
            return arguments["name"] != "Atlantis"

        async def method(name, unit):
            if name == "slow":
                await asyncio.sleep(60)
            if name == "Rome":
                return 1285
            return "large" if name == "large" else DomainError("unknown")
        """,
    "api/city/describe.py": """
        from bundles.autoload import ArgumentsError, api

        access = "public"

        async def method(name: str) -> str:
            return f"{name}: {await api.city.area(name=name)}"
        """,
}


async def test_call_by_code_enforces_the_contract(folder: Folder) -> None:
    await folder.boot(FILES)

    assert await api.city.area(name="Rome") == 1285
    with pytest.raises(ArgumentsError, match=r"api\.city\.area was called with .*: name: "):
        await api.city.area(name=1)
    with pytest.raises(ArgumentsError, match=r"api\.city\.area was called with wrong arguments: "):
        await api.city.area(name="Atlantis")
    with pytest.raises(DomainError, match="There is no such city"):
        await api.city.area(name="Paris")
    with pytest.raises(RequestTimeoutException):
        await api.city.area(name="slow")
    with pytest.raises(RxKernelError, match="returned a result that does not fit"):
        await api.city.area(name="large")
    with pytest.raises(TypeError, match="1 positional argument"):
        await api.city.area("Rome")


@pytest.mark.parametrize("transport", ["http", "websocket"])
async def test_call_by_an_endpoint_fails_as_its_own_call(folder: Folder, transport: str) -> None:
    client = KernelClient(await folder.boot(FILES))
    send = getattr(client, transport)

    assert (await send("city/describe", body={"name": "Rome"})).content == "Rome: 1285"
    failed = await send("city/describe", body={"name": "Paris"})
    assert (failed.status_code, failed.content["message"]) == (400, "There is no such city")


async def test_call_by_code_returns_the_object_of_the_function(folder: Folder) -> None:
    await folder.boot(
        {
            "api/unit/make.py": """
                import attrs

                access = "public"

                @attrs.frozen
                class Shown:
                    name: str

                @attrs.frozen
                class Thing(Shown):
                    secret: str = "s3cret"

                async def method(things: list[Shown]) -> Shown:
                    assert all(isinstance(each, Shown) for each in things)
                    return Thing(things[0].name)
                """
        }
    )
    kernel_result = await KernelClient(folder.application).http(
        "unit/make", body={"things": [{"name": "a"}]}
    )

    thing = await api.unit.make(things=[{"name": "a"}])
    assert (thing.name, thing.secret) == ("a", "s3cret")
    assert not hasattr(kernel_result.content, "secret")
    again = await api.unit.make(things=[thing.__class__.__mro__[1]("b")])
    assert again.name == "b"


async def test_call_by_code_skips_access_rules_and_has_the_context_of_the_caller(
    folder: Folder,
) -> None:
    await folder.boot(
        {
            "api/unit/inner.py": """
                from bundles.autoload import Context

                access = "public"

                async def method(context: Context):
                    context.state["own"] = True
                    request = context.request
                    return [context.id, request.connection, request.headers.get("X-A")]
                """,
            "api/unit/outer.py": """
                from bundles.autoload import Context, api

                access = "public"

                async def method(context: Context):
                    inner = await api.unit.inner()
                    request = context.request
                    same = [context.id, request.connection, request.headers.get("X-A")]
                    return [inner == same, context.state, inner[2]]
                """,
        }
    )
    client = KernelClient(folder.application)

    response = await client.http("unit/outer", headers={"X-A": "yes"})
    assert response.content == [True, {}, "yes"]
    async with client.connection() as connection:
        response = await client.websocket("unit/outer", connection=connection)
        assert response.content == [True, {}, None]
    [id, connected, header] = await api.unit.inner()
    assert id
    assert (connected, header) == (None, None)


async def test_call_before_boot_is_complete_is_an_error(folder: Folder) -> None:
    await folder.boot({"api/unit/call.py": "access = 'public'\nasync def method(): return 1"})
    endpoint = folder.snapshot.read(("api", "unit", "call"))
    endpoint.code_call = None

    with pytest.raises(RxKernelError, match="cannot be called before the application is booted"):
        await endpoint()


@pytest.mark.parametrize("transport", ["http", "websocket"])
@pytest.mark.parametrize(
    ("call", "problem"),
    [
        ("api.city.area(nme='Rome')", "api.city.area was called with wrong arguments: name: "),
        ("api.single.one(a=1, b=2)", "api.single.one was called with wrong arguments: b: "),
        ("bus.mail.show(ide=5)", "bus.mail.show was called with wrong arguments: ide: ide is not"),
        ("bus.mail.show(id='..')", "bus.mail.show was called with wrong arguments: id: id must"),
        ("bus.mail.find(name=5)", "bus.mail.find was called with wrong arguments: name: "),
    ],
)
async def test_call_by_code_with_wrong_arguments_is_500_without_them(
    folder: Folder, transport: str, call: str, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The client did not send them, and must not see the names of functions."""
    await folder.boot(
        {
            **FILES,
            "api/single.py": "access = 'public'\nasync def one(a: int): ...",
            "bus/mail/_service.py": "url = 'http://127.0.0.1:1'",
            "bus/mail/show.py": "method = {'get': '', 'path': ['id']}",
            "bus/mail/find.py": """
                method = {"get": "", "path": ["name"]}
                parameters = {"name": "string"}
                """,
            "api/unit/outer.py": f"""
                from bundles.autoload import api, bus

                access = "public"

                async def method():
                    return await {call}
                """,
        }
    )

    response = await getattr(KernelClient(folder.application), transport)("unit/outer")
    assert response.status_code == 500
    assert "arguments" not in str(response.content)
    assert problem in caplog.text
    assert 'api/unit/outer.py", line 7' in caplog.text


async def test_error_of_an_inner_endpoint_keeps_its_status(folder: Folder) -> None:
    inner = """
        from bundles.contracts import DomainError
        from rxkernel import NotFoundException, UnprocessableEntityException

        access = "public"

        async def method(how: str):
            if how == "domain":
                raise DomainError("full", "no place", status_code=409)
            raise NotFoundException if how == "missing" else UnprocessableEntityException("no")
        """
    outer = """
        from bundles.autoload import api

        access = "public"

        async def method(how: str):
            return await api.unit.inner(how=how)
        """
    await folder.boot({"api/unit/inner.py": inner, "api/unit/outer.py": outer})
    client = KernelClient(folder.application)

    statuses = [
        (await client.http("unit/outer", body={"how": how})).status_code
        for how in ("domain", "missing", "invalid")
    ]
    assert statuses == [409, 404, 422]
