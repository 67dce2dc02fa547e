"""The checks of a gateway's options at boot."""

from typing import Any

import pytest

from bundles.gateway import Gateway, GatewayBundle
from rxkernel import (
    Application,
    ConfigurationError,
    Connection,
    Settings,
    SocketioSettings,
    websocket,
)
from tests.bundles.gateway.gateways import application_of, gateway, in_process

IO = "the gateway Io"
CALL = f"event 'call' in the namespace '/' of {IO}"

OPTIONS = f"call_options of {CALL}"


def gateway_of(namespaces: Any, **members: Any) -> type[Gateway]:
    return type("Io", (Gateway,), {"namespaces": namespaces, **members})


async def problems_of(cls: type[Gateway]) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as raised:
        await application_of(gateway=cls).boot()
    return raised.value.problems


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"whitlist": []}, f"{CALL} has the unknown option 'whitlist'; did you mean 'whitelist'?"),
        (
            {"mappingPolicy": "all"},
            f"{CALL} has the unknown option 'mappingPolicy'; did you mean 'mapping_policy'?",
        ),
        (
            {"onBeforeCall": "x"},
            f"{CALL} has the unknown option 'onBeforeCall'; it is called 'before_call' here",
        ),
        (
            {"xyz": 1},
            f"{CALL} has the unknown option 'xyz'; the options are whitelist, aliases, "
            f"mapping_policy, call_options, before_call, after_call, authorization",
        ),
        (
            {"call_options": {"retryCount": 2}},
            f"{OPTIONS} has the unknown option 'retryCount'; it is called 'retries' here",
        ),
        (
            {"call_options": {"fallbackResponse": 2}},
            f"{OPTIONS} has the unknown option 'fallbackResponse'; it is called 'fallback' here",
        ),
        (
            {"call_options": {"timeout": -1}},
            f"timeout in {OPTIONS} is -1; write seconds, or 0 for no timeout",
        ),
        (
            {"call_options": {"timeout": "5"}},
            f"timeout in {OPTIONS} is '5'; write seconds, or 0 for no timeout",
        ),
        (
            {"call_options": {"retries": 1.5}},
            f"retries in {OPTIONS} is 1.5; write a whole number, or 0 for no retries",
        ),
        (
            {"call_options": {"timeout": False}},
            f"timeout in {OPTIONS} is False; write seconds, or 0 for no timeout",
        ),
        (
            {"call_options": {"fallback": lambda ctx: 1}},
            f"fallback in {OPTIONS}: <lambda> takes other parameters; it must take (ctx, "
            f"exception), after self if it is a method",
        ),
        (
            {"call_options": {"meta": 5}},
            f"meta in {OPTIONS}: it is 5; write {{key: value}}",
        ),
        ({"call_options": 5}, f"{OPTIONS}: it is 5; write {{'timeout': …}}"),
        ({"whitelist": "math.*"}, f"whitelist of {CALL} is 'math.*'; write a list"),
        ({"aliases": ["a"]}, f"aliases of {CALL}: it is ['a']; write {{alias: 'action'}}"),
        ({"authorization": 1}, f"authorization of {CALL} is 1; write True or False"),
        (
            {"before_call": "check"},
            f"before_call of {CALL}: 'check' is not a method of Io; write the name of a method, "
            f"or a function",
        ),
        (
            {"before_call": 5},
            f"before_call of {CALL}: it is 5; write a function, or the name of a method",
        ),
        (
            {"before_call": "plain"},
            f"before_call of {CALL}: plain is not async; write async def plain(…)",
        ),
        (
            {"before_call": "two"},
            f"before_call of {CALL}: two takes other parameters; it must take (call), after "
            f"self if it is a method",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_invalid_option_is_an_error(options: Any, problem: str) -> None:
    def plain(self: Any, call: Any) -> None: ...

    async def two(self: Any, call: Any, result: Any) -> None: ...

    cls = gateway_of({"/": {"events": {"call": options}}}, plain=plain, two=two)
    assert await problems_of(cls) == (problem,)


async def test_members_that_are_named_as_in_moleculer_io_are_errors() -> None:
    """Without the error, such a member would be ignored, such as a renamed authorizer."""

    async def authorize(self: Any, connection: Connection) -> None: ...

    members: dict[str, Any] = {
        "socketAuthorize": authorize,
        "socket_get_meta": authorize,
        "settings": {"port": 3000},
        "events": {"call": {}},
    }
    namespaces: dict[str, Any] = {"/": {"events": {"call": {}}}}
    assert await problems_of(gateway_of(namespaces, **members)) == (
        f"{IO} has the attribute 'events'; write namespaces = {{'/': {{'events': {{…}}}}}}",
        f"{IO} has the attribute 'settings'; write its namespaces as 'namespaces', the others in "
        f"the section [gateway]",
        f"{IO} has the attribute 'socketAuthorize'; it is called 'authorize' here",
        f"{IO} has the attribute 'socket_get_meta'; it is called 'get_meta' here",
    )


async def test_handler_with_the_name_events_is_called() -> None:
    async def events(self: Any, connection: Connection) -> int:
        return 1

    cls = gateway_of({"/": {"events": {"list": "events"}}}, events=events)
    async with in_process(gateway=cls) as io:
        assert await io.emit("list") == [None, 1]


async def test_event_outside_of_events_is_an_error_with_its_place() -> None:
    problems = await problems_of(gateway_of({"/": {"call": {}, "events": {"call": {}}}}))
    assert problems == (
        f"namespace '/' of {IO} has the unknown option 'call'; write an event as "
        f"'events': {{'call': …}}; the options are authorization, middlewares, "
        f"packet_middlewares, events",
    )


async def test_all_problems_of_all_namespaces_are_one_error() -> None:
    async def none() -> None: ...

    async def named(connection: Connection, *, kind: str) -> None: ...

    problems = await problems_of(
        gateway_of(
            {
                "/": {
                    "event": {},
                    "events": {"call": {"cache": 1}, "a": none, "b": named, "c": "d", 5: {}},
                },
                "chat": {"events": {"call": {}}, "middlewares": "log"},
                "/x": {"events": {"disconnect": {}}, "packet_middlewares": [none]},
                "/empty": {},
                "/y": [],
            }
        )
    )
    assert problems == (
        f"namespace '/' of {IO} has the unknown option 'event'; did you mean 'events'?",
        f"events of namespace '/' of {IO} has the key 5; write a text that is not empty",
        f"{CALL} has the unknown option 'cache'; the options are whitelist, aliases, "
        f"mapping_policy, call_options, before_call, after_call, authorization",
        f"event 'a' in the namespace '/' of {IO}: none takes no arguments; it must take "
        f"(connection, *args)",
        f"event 'b' in the namespace '/' of {IO}: named needs the keyword argument "
        f"'kind'; it must take (connection, *args)",
        f"event 'c' in the namespace '/' of {IO}: 'd' is not a method of Io; write the name of a "
        f"method, or a function",
        f"middlewares of namespace 'chat' of {IO} is 'log'; write a list",
        f"packet_middlewares of namespace '/x' of {IO}: none takes other parameters; it must take "
        f"(packet), after self if it is a method",
        f"namespace '/y' of {IO}: it is []; write {{'authorization': …}}",
        *problems[9:],
    )
    rest = "\n".join(problems[9:])
    assert "has the namespace 'chat'" in rest
    assert "has a name that Socket.IO reserves" in rest
    assert f"namespace '/empty' of {IO} has no events; add one, or list the namespace" in rest
    assert f"namespace '/y' of {IO} has no events" in rest
    assert len(problems) == 13


async def test_namespaces_that_are_not_a_mapping_are_an_error() -> None:
    assert await problems_of(gateway_of(["/"])) == (
        f"namespaces of {IO}: it is ['/']; write {{namespace: {{…}}}}",
    )


async def test_namespace_without_events_that_the_settings_list_boots() -> None:
    cls = gateway_of({"/push": {}})
    settings = Settings(socketio=SocketioSettings(namespaces=("/push",)))
    application = Application(bundles=[GatewayBundle(cls)], settings=settings)
    async with application:
        pass


async def test_namespace_without_events_serves_no_event() -> None:
    async with application_of(gateway=gateway_of({})) as application:
        assert list(application.kernel.websocket_definitions) == []


async def test_event_that_a_controller_has_too_is_an_error() -> None:
    class Other:
        @websocket("call")
        async def call(self) -> None: ...

    with pytest.raises(ConfigurationError, match="'call' is used twice"):
        await application_of(Other, gateway=gateway(call={})).boot()


@pytest.mark.parametrize("given", [5, Gateway(), Application], ids=["number", "instance", "class"])
async def test_gateway_that_is_not_a_subclass_is_an_error(given: Any) -> None:
    with pytest.raises(ConfigurationError, match="pass a subclass of Gateway, not an instance"):
        await Application(bundles=[GatewayBundle(given)]).boot()


async def test_methods_that_cannot_be_called_are_an_error() -> None:
    class Io(Gateway):
        def authorize(self, connection: Connection) -> None: ...  # type: ignore[override]

        async def get_meta(self, connection: Connection) -> dict[str, Any]:  # type: ignore[override]
            return {}

        def save_meta(self, connection: Connection) -> None: ...  # type: ignore[override]

    Io.__qualname__ = "Io"
    assert await problems_of(Io) == (
        f"authorize of {IO}: authorize is not async; write async def authorize(…)",
        f"get_meta of {IO}: get_meta is async; write def get_meta(…)",
        f"save_meta of {IO}: save_meta takes other parameters; it must take (connection, "
        f"meta), after self if it is a method",
    )
