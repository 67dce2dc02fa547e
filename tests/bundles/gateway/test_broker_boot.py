"""Actions and handlers at boot and at a reload."""

import math as math_module
import types
from typing import Annotated, Any

import attrs
import pytest
from injector import Binder

from bundles.gateway import (
    ACTIONS,
    EVENTS,
    CurrentContext,
    GatewaySettings,
    ServiceNotFoundError,
    ValidationError,
    action,
    on_event,
)
from rxkernel import (
    Application,
    Body,
    ConfigurationError,
    KernelClient,
    ProcedureMetadata,
    Request,
    request_scope,
)
from tests.bundles.gateway.conftest import SiteOf


class Old:
    @action("prices.get")
    async def get(self, ctx: CurrentContext) -> int:
        return 10

    @action("prices.old")
    async def old(self) -> str:
        return "old"


class New:
    def __init__(self) -> None:
        self.heard: list[str | None] = []

    @action("prices.get")
    async def get(self) -> int:
        return 12

    @on_event("price.*")
    async def changed(self, ctx: CurrentContext) -> None:
        self.heard.append(ctx.event_name)


async def test_reload_replaces_actions_and_handlers(site_of: SiteOf) -> None:
    site, new = await site_of(Old), New()
    broker = site.broker
    assert await broker.call("prices.get") == 10

    await site.application.reload(remove=[Old], controllers=[new])

    assert await broker.call("prices.get") == 12
    with pytest.raises(ServiceNotFoundError):
        await broker.call("prices.old")
    await broker.emit("price.changed")
    assert new.heard == ["price.changed"]

    await site.application.reload(remove=[new], controllers=[Old])

    await broker.emit("price.changed")
    assert await broker.call("prices.old") == "old"
    assert new.heard == ["price.changed"]


async def test_actions_of_a_module_are_called(site_of: SiteOf) -> None:
    module = types.ModuleType("tests.squares")

    @action("squares.of")
    async def square(number: int) -> int:
        return number * number

    square.__module__ = module.__name__
    vars(module)["square"] = square
    site = await site_of(module)

    assert await site.broker.call("squares.of", {"number": 3}) == 9


class Plain:
    """A class without decorators: its routes are made in code."""

    def __init__(self) -> None:
        self.heard: list[str | None] = []

    async def ping(self) -> str:
        return "pong"

    async def hear(self, ctx: CurrentContext) -> None:
        self.heard.append(ctx.event_group)


async def test_actions_and_handlers_of_metadata_are_called(site_of: SiteOf) -> None:
    site, plain = await site_of(), Plain()
    await site.application.reload(
        add=[
            ProcedureMetadata(plain, "plain.ping", "ping", ACTIONS),
            ProcedureMetadata(plain, "plain.*", "hear", EVENTS),
        ]
    )

    assert await site.broker.call("plain.ping") == "pong"
    await site.broker.emit("plain.event")
    assert plain.heard == ["Plain"]


class Wrong:
    @action("wrong name")
    async def spaces(self) -> None: ...

    @action("wrong.*")
    async def pattern(self) -> None: ...

    @action("")
    async def empty(self) -> None: ...

    @action("wrong.visibility", visibility="hidden")  # type: ignore[arg-type]
    async def visibility(self) -> None: ...

    @action("wrong.timeout", timeout=-1, retries=True)
    async def timeout(self) -> None: ...

    @on_event("wrong event", group="")
    async def event(self) -> None: ...


async def test_invalid_options_are_errors_at_boot(site_of: SiteOf) -> None:
    with pytest.raises(ConfigurationError) as caught:
        await site_of(Wrong)

    text = str(caught.value)
    assert "Wrong.empty" in text


class WrongOptions:
    spaces, pattern = Wrong.spaces, Wrong.pattern
    visibility, timeout, event = Wrong.visibility, Wrong.timeout, Wrong.event


async def test_every_invalid_option_is_reported_at_once(site_of: SiteOf) -> None:
    with pytest.raises(ConfigurationError) as caught:
        await site_of(WrongOptions)

    problems = "\n".join(caught.value.problems)
    for part in (
        "its name is 'wrong name'; it must be text without spaces",
        "its name is 'wrong.*'; '*' and '?' are for patterns",
        "visibility is 'hidden'; it must be one of published, public, protected, private",
        "timeout is -1; it must be seconds, 0 or more",
        "retries is True; it must be a whole number, 0 or more",
        "its event is 'wrong event'; it must be text without spaces",
        "group is ''; it must be text that is not empty",
    ):
        assert part in problems


class Twice:
    @action("prices.get")
    async def get(self) -> None: ...


async def test_two_actions_with_one_name_are_an_error(site_of: SiteOf) -> None:
    with pytest.raises(ConfigurationError, match=r"prices\.get"):
        await site_of(Old, Twice)


async def test_action_of_a_scoped_service_is_an_error(site_of: SiteOf) -> None:
    def bind(binder: Binder) -> None:
        binder.bind(Old, scope=request_scope)

    with pytest.raises(ConfigurationError, match="Old is not a singleton; bind it with scope="):
        await site_of(modules=(bind,))


async def test_action_without_the_bundle_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match='bundles=\\["gateway"\\]'):
        async with KernelClient(Application(controllers=[Twice])):
            pass


@pytest.mark.parametrize("decorator", [action, on_event])
def test_decorator_without_arguments_is_an_error(decorator: Any) -> None:
    with pytest.raises(ConfigurationError, match="requires the name of"):
        decorator(math_module.sqrt)


@pytest.mark.parametrize(
    "setting",
    [
        {"node_id": ""},
        {"node_id": "a b"},
        {"request_timeout": -1},
        {"retries": 1.5},
        {"max_call_level": 0},
        {"breaker_threshold": 0},
        {"breaker_threshold": 1.1},
        {"breaker_window": 0},
        {"breaker_min_requests": 0},
        {"breaker_half_open": 0.0},
        {"cacher": "disk"},
        {"log_request": "loud"},
    ],
)
def test_invalid_settings_are_errors(setting: dict[str, Any]) -> None:
    (name,) = setting
    with pytest.raises(ValueError, match=name):
        GatewaySettings(**setting)


def test_node_id_has_the_name_of_the_host_and_the_process() -> None:
    host, _, process = GatewaySettings().node_id.rpartition("-")

    assert host
    assert process.isdigit()


@pytest.mark.parametrize(
    ("name", "hint"), [("ctx", "ctx: CurrentContext"), ("amount", "amount: int")]
)
async def test_parameter_without_a_type_is_an_error(site_of: SiteOf, name: str, hint: str) -> None:
    """An action of Moleculer is written so; here the parameter would be the request."""
    namespace: dict[str, Any] = {}
    exec(f"async def take(self, {name}): return {name}", namespace)
    cls = type("Stock", (), {"take": action("stock.take")(namespace["take"])})

    with pytest.raises(ConfigurationError) as raised:
        await site_of(cls)

    (problem,) = raised.value.problems
    text = f"{name!r} has no type, so it is the Request; write a type, as in {hint}"
    assert problem.endswith(text)


async def test_action_takes_the_request(site_of: SiteOf) -> None:
    class Stock:
        @action("stock.named")
        async def named(self, request):  # type: ignore[no-untyped-def]
            return request.body

        @action("stock.typed")
        async def typed(self, message: Request) -> Any:
            return message.body

    broker = (await site_of(Stock)).broker
    assert await broker.call("stock.named", {"a": 1}) == {"a": 1}
    assert await broker.call("stock.typed", {"a": 1}) == {"a": 1}


async def test_bytes_beside_a_field_of_the_params_are_an_error(site_of: SiteOf) -> None:
    """An action with such parameters could never be called."""

    class Files:
        @action("files.save")
        async def save(self, name: str, content: Annotated[bytes, Body()]) -> None: ...

    with pytest.raises(ConfigurationError) as raised:
        await site_of(Files)
    (problem,) = raised.value.problems
    assert problem.endswith(
        "'content' is bytes, which stand for all that the caller passes, and other parameters "
        "are fields of it; write content: Annotated[bytes, Body('content')]"
    )


async def test_parameters_of_an_action_are_fields_of_all_types(site_of: SiteOf) -> None:
    @attrs.frozen
    class Owner:
        name: str

    class Files:
        @action("files.save")
        async def save(
            self,
            name: str,
            tags: list[str],
            owner: Owner,
            content: bytes,
            note: Annotated[Any, Body("note")] = None,
        ) -> list[Any]:
            return [name, tags, owner.name, content, note]

    broker = (await site_of(Files)).broker
    params = {"name": "a", "tags": ("x", "y"), "owner": {"name": "Ada"}, "content": b"1"}
    assert await broker.call("files.save", params) == ["a", ["x", "y"], "Ada", b"1", None]
    with pytest.raises(ValidationError) as raised:
        await broker.call("files.save", {**params, "size": 1})
    assert [entry["field"] for entry in raised.value.data] == ["size"]
