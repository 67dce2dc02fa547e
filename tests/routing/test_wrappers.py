"""Actions below decorators without functools.wraps."""

import functools
from collections.abc import Callable
from typing import Any

import pytest

from rxkernel import ConfigurationError, Request, http, websocket
from rxkernel.pytest_plugin import ClientOf

Function = Callable[..., Any]


def passing(function: Function) -> Function:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return await function(*args, **kwargs)

    return wrapper


def passing_self(function: Function) -> Function:
    async def wrapper(self: Any, *args: Any) -> Any:
        return await function(self, *args)

    return wrapper


def checking(check: Function) -> Callable[[Function], Function]:
    """The wrapper refers to another function too."""

    def decorate(function: Function) -> Function:
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            check()
            return await function(*args, **kwargs)

        return wrapper

    return decorate


def other(id: int = 0) -> None: ...


def twice(function: Function) -> Function:
    return passing(passing(function))


def naming(function: Function) -> Function:
    async def wrapper(self, request):  # type: ignore[no-untyped-def]
        return await function(self, request)

    return wrapper


def passing_the_rest(function: Function) -> Function:
    async def wrapper(self: Any, request: Request, *args: Any, **kwargs: Any) -> Any:
        return await function(self, request, *args, **kwargs)

    return wrapper


def storing_a_partial(function: Function) -> Function:
    held = functools.partial(function)

    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return await held(*args, **kwargs)

    return wrapper


DECORATORS = {
    "naming": naming,
    "passing-the-rest": passing_the_rest,
    "storing-a-partial": storing_a_partial,
    "passing": passing,
    "passing-self": passing_self,
    "checking": checking(other),
    "twice": twice,
}
each_decorator = pytest.mark.parametrize("decorate", DECORATORS.values(), ids=DECORATORS)


@each_decorator
async def test_wrapper_that_hides_typed_parameters_is_rejected_at_boot(
    client_of: ClientOf, decorate: Callable[[Function], Function]
) -> None:
    """The wrapper would pass the request as the first argument."""

    class Things:
        @http("GET", "/{id}", "one")
        @decorate
        async def one(self, id: int) -> int:
            return id

        @http("GET", "/", "none")
        @decorate
        async def none(self) -> str:
            return "none"

    with pytest.raises(ConfigurationError) as error:
        await client_of(Things).application.boot()
    hint = "put @functools.wraps(function) on the wrapper"
    assert f"decorator that hides its parameters (id); {hint}" in str(error.value)
    is_accepted = decorate is naming  # its wrapper can call none() without arguments
    assert (f"decorator that hides its parameters (); {hint}" in str(error.value)) != is_accepted


@each_decorator
async def test_wrapper_of_a_function_with_another_name_is_rejected_at_boot(
    client_of: ClientOf, decorate: Callable[[Function], Function]
) -> None:
    async def show(self: Any, id: int) -> int:
        return id

    class Things:
        one = http("GET", "/{id}", "one")(decorate(show))

    with pytest.raises(ConfigurationError, match=r"hides its parameters \(id\); put @functools"):
        await client_of(Things).application.boot()


async def test_wrapper_of_a_socket_event_that_hides_its_parameters_is_rejected_at_boot(
    client_of: ClientOf,
) -> None:
    class Things:
        @websocket("say")
        @naming
        async def say(self, text: str) -> str:
            return text

    with pytest.raises(ConfigurationError, match=r"hides its parameters \(text\)"):
        await client_of(Things).application.boot()


async def test_wrapper_that_calls_action_without_arguments_is_accepted(
    client_of: ClientOf,
) -> None:
    def quiet(function: Function) -> Function:
        async def wrapper(self, request):  # type: ignore[no-untyped-def]
            return await function(self)

        return wrapper

    class Things:
        @http("GET", "/", "none")
        @quiet
        async def none(self) -> str:
            return "none"

    assert (await client_of(Things).http("none")).content == "none"


async def test_wrapper_that_declares_its_parameters_may_pass_other_arguments(
    client_of: ClientOf,
) -> None:
    """It converts the request itself."""

    def doubling(function: Function) -> Function:
        async def wrapper(self: Any, request: Request) -> Any:
            return await function(self, 2 * request.param("id", int))

        return wrapper

    class Things:
        @http("GET", "/{id}", "one")
        @doubling
        async def one(self, id: int) -> int:
            return id

    assert (await client_of(Things).http("one", params={"id": "7"})).content == 14


async def test_action_that_refers_to_other_functions_is_not_a_wrapper(client_of: ClientOf) -> None:
    """An action from a factory, and one that calls a bound method in its closure."""

    async def load(id: int) -> int:
        return id

    def action_of(find: Function) -> Function:
        async def action(self, request):  # type: ignore[no-untyped-def]
            return await find(int(request.params["id"]))

        return action

    class Others:
        async def number(self, id: int) -> int:
            return id

    def counting(others: Others) -> Function:
        number = others.number

        async def action(self: Any, *args: Any) -> Any:
            return await number(int(args[0].params["id"]))

        return action

    class Things:
        one = http("GET", "/one/{id}", "one")(action_of(load))
        two = http("GET", "/two/{id}", "two")(counting(Others()))

    client = client_of(Things)
    for name in ("one", "two"):
        assert (await client.http(name, params={"id": "7"})).content == 7


@each_decorator
async def test_wrapper_of_action_with_request_only_is_called(
    client_of: ClientOf, decorate: Callable[[Function], Function]
) -> None:
    class Things:
        @http("GET", "/{id}", "one")
        @decorate
        async def one(self, request: Request) -> Any:
            return request.params["id"]

        @http("GET", "/untyped/{id}", "untyped")
        @decorate
        async def untyped(self, request):  # type: ignore[no-untyped-def]
            return request.params["id"]

    client = client_of(Things)
    for name in ("one", "untyped"):
        assert (await client.http(name, params={"id": "7"})).content == "7"


async def test_wrapper_with_wraps_gets_the_typed_arguments(client_of: ClientOf) -> None:
    def wrapping(function: Function) -> Function:
        return functools.wraps(function)(passing(function))

    class Things:
        @http("GET", "/{id}", "one")
        @wrapping
        async def one(self, id: int) -> int:
            return id

    assert (await client_of(Things).http("one", params={"id": "7"})).content == 7
