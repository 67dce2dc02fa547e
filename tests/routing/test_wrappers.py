"""Actions below decorators without functools.wraps."""

import functools
from collections.abc import Callable
from typing import Any

import pytest

from rxkernel import ConfigurationError, Request, http
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
    """Its wrapper holds another function, too."""

    def decorate(function: Function) -> Function:
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            check()
            return await function(*args, **kwargs)

        return wrapper

    return decorate


def other(id: int = 0) -> None: ...


def twice(function: Function) -> Function:
    return passing(passing(function))


DECORATORS = {
    "passing": passing,
    "passing-self": passing_self,
    "checking": checking(other),
    "twice": twice,
}
each = pytest.mark.parametrize("decorate", DECORATORS.values(), ids=DECORATORS)


@each
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
    assert f"decorator that hides its parameters (); {hint}" in str(error.value)


@each
async def test_wrapper_of_an_action_that_takes_the_request_works(
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
