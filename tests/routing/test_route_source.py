"""Controllers that make their routes themselves."""

from collections.abc import Iterable

import pytest

from rxkernel import (
    Application,
    ConfigurationError,
    HttpMetadata,
    Request,
    RouteSource,
    http,
)
from rxkernel.pytest_plugin import ClientOf


class Constant(RouteSource):
    """Responds with one value at one path."""

    def __init__(self, path: str, value: str) -> None:
        self._path = path
        self._value = value

    def routes(self) -> Iterable[HttpMetadata]:
        if not self._value:
            raise ConfigurationError(f"the value of {self._path} is empty", "write a value")
        yield HttpMetadata(self, f"at{self._path}", self._path, "GET", "show")

    async def show(self, request: Request) -> str:
        return self._value

    @http("GET", "/labelled", "labelled")
    async def labelled(self, request: Request) -> str:
        return f"labelled {self._value}"


async def test_route_source_adds_its_routes_and_labelled_ones(client_of: ClientOf) -> None:
    client = client_of(Constant("/a", "one"))

    assert (await client.http("at/a")).content == "one"
    assert (await client.http("labelled")).content == "labelled one"


async def test_route_source_is_added_and_removed_by_a_reload() -> None:
    first, second = Constant("/a", "one"), Constant("/b", "two")
    async with Application(controllers=[first]) as application:
        await application.reload(controllers=[second], remove=[first])

        names = [definition.name for definition in application.kernel.http_definitions]
        assert [name for name in names if name.startswith("at")] == ["at/b"]


async def test_route_source_reports_its_problems_with_those_of_others() -> None:
    class Wrong:
        @http("GET", "no-slash", "wrong")
        async def wrong(self, request: Request) -> None: ...

    with pytest.raises(ConfigurationError) as raised:
        await Application(controllers=[Constant("/a", ""), Wrong]).boot()

    problems = str(raised.value)
    assert "the value of /a is empty\nwrite a value\n" in problems
    assert "no-slash" in problems


async def test_route_source_class_is_rejected() -> None:
    with pytest.raises(ConfigurationError, match=r"makes its routes .*; pass an instance of it"):
        await Application(controllers=[Constant]).boot()
