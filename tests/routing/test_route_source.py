"""Controllers that create their routes themselves."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from rxkernel import (
    Application,
    Bundle,
    ConfigurationError,
    HttpMetadata,
    KernelClient,
    Request,
    RouteSource,
    all_options_of,
    http,
    option,
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


async def test_route_source_adds_its_routes_and_routes_of_its_labels(client_of: ClientOf) -> None:
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


async def test_route_source_as_class_is_rejected() -> None:
    with pytest.raises(ConfigurationError, match=r"creates its routes .*; pass an instance of it"):
        await Application(controllers=[Constant]).boot()


OPTION = "seen"


class Page:
    """A controller without labels; `PagesBundle` creates its routes."""

    @option(OPTION, "method")
    async def show(self, request: Request) -> str:
        return "page"


@option(OPTION, "class")
class OtherPage(Page):
    async def other(self, request: Request) -> str:
        return "other"


class PagesBundle(Bundle):
    name = "pages"
    options = (OPTION,)

    def routes_of(self, controller: Any) -> Iterator[HttpMetadata | ConfigurationError]:
        if not (isinstance(controller, type) and issubclass(controller, Page)):
            return
        for action in ("show", "other"):
            if hasattr(controller, action):
                options = all_options_of(controller, action)
                path = f"/{controller.__name__}/{action}"
                yield HttpMetadata(controller, path, path, "GET", action, options)


async def test_bundle_creates_routes_of_controller_at_boot_and_reload() -> None:
    client = KernelClient(Application(bundles=[PagesBundle], controllers=[Page]))
    async with client:
        assert (await client.http("/Page/show")).content == "page"

        await client.application.reload(controllers=[OtherPage], remove=[Page])

        definitions = client.application.kernel.http_definitions
        assert "/Page/show" not in definitions
        assert (await client.http("/OtherPage/other")).content == "other"


async def test_bundle_route_has_options_of_method_and_class() -> None:
    async with Application(bundles=[PagesBundle], controllers=[OtherPage]) as application:
        definitions = application.kernel.http_definitions

        assert definitions["/OtherPage/show"].options == {OPTION: "method"}
        assert definitions["/OtherPage/other"].options == {OPTION: "class"}


async def test_bundle_route_errors_are_reported_with_other_problems() -> None:
    class Broken(Bundle):
        name = "broken"

        def routes_of(self, controller: Any) -> Iterator[HttpMetadata | ConfigurationError]:
            yield ConfigurationError(f"{controller.__name__} has a typo")
            raise ConfigurationError(f"{controller.__name__} has another one")

    with pytest.raises(ConfigurationError) as raised:
        await Application(bundles=[Broken], controllers=[Page]).boot()

    assert raised.value.problems[:2] == ("Page has a typo", "Page has another one")
