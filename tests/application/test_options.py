"""Keys of `@option` must be declared: an option that no bundle reads is an error at boot."""

import re

import pytest

from rxkernel import (
    Application,
    ApplicationEvents,
    BootstrapEvent,
    Bundle,
    BundleOption,
    ConfigurationError,
    HttpMetadata,
    Request,
    Settings,
    http,
    observe,
    option,
    websocket,
)


class Guard(Bundle):
    name = "guard"
    options = ("access",)


async def problems_of(application: Application) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        await application.boot()
    return caught.value.problems


@option("acces", True)
class Misspelt:
    @http("GET", "/", "index")
    @websocket("index")
    async def index(self, request: Request) -> None: ...

    @http("GET", "/other", "other")
    @option("audit", "yes")
    async def other(self, request: Request) -> None: ...


async def test_undeclared_option_is_reported_once_with_the_nearest_name() -> None:
    misspelt, unknown = await problems_of(Application(bundles=[Guard], controllers=[Misspelt]))

    assert misspelt.startswith("option 'acces' of route 'index' (")
    message = "is not declared by the application or an enabled bundle"
    assert f"Misspelt.index) and 2 other routes {message}" in misspelt
    assert misspelt.endswith("did you mean 'access'?")
    assert unknown.endswith("declare it: Application(options=['audit'])")


async def test_option_of_disabled_bundle_raises_error() -> None:
    class Articles:
        @http("GET", "/", "index")
        @option("access", "admins")
        async def index(self, request: Request) -> None: ...

    (problem,) = await problems_of(Application(controllers=[Articles]))

    assert "enable the bundle that reads it" in problem
    async with Application(controllers=[Articles], bundles=[Guard]):
        pass
    async with Application(controllers=[Articles], options=["access"]):
        pass


async def test_option_of_metadata_added_by_hand_is_checked() -> None:
    application = Application(controllers=[Plain])
    application.http_metadata_storage.add(
        HttpMetadata(Plain, "by_hand", "/by-hand", "GET", "index", {"acess": 1})
    )

    (problem,) = await problems_of(application)

    assert "option 'acess' of route 'by_hand'" in problem


async def test_health_routes_need_no_declaration() -> None:
    async with Application(settings=Settings(health=True)) as application:
        assert application.kernel.http_definitions["healthz"].options == {
            "public": True,
            "probe": True,
        }


async def test_option_without_route_is_reported_at_boot_and_at_reload() -> None:
    class Helper:
        @option("access", "admins")
        async def help(self) -> None: ...

        @http("GET", "/helper", "helper")
        async def index(self) -> None: ...

    place = r"option 'access' of .*Helper\.help has no effect, because it has no route"
    (problem,) = await problems_of(Application(controllers=[Helper], bundles=[Guard]))
    assert re.match(place, problem)
    async with Application(bundles=[Guard]) as application:
        with pytest.raises(ConfigurationError, match=place):
            await application.reload(controllers=[Helper])
        assert not list(application.kernel.http_definitions)


class Base:
    @option("access", "admins")
    async def delete(self) -> None: ...

    @option("access", "members")
    async def show(self) -> None: ...


class WithDelete(Base):
    @http("DELETE", "/", "delete")
    async def delete(self) -> None: ...


class WithShow(Base):
    @http("GET", "/", "show")
    async def show(self) -> None: ...


@option("access", "admins")
class OptionBase:
    """A base whose subclasses have routes, or only listeners."""


class Listening(OptionBase):
    @observe(ApplicationEvents.BOOTSTRAP)
    async def listen(self, event: BootstrapEvent) -> None: ...


@pytest.mark.parametrize("controllers", [(WithShow,), (WithShow, WithDelete), (Listening(),)])
async def test_option_of_base_class_without_route_in_a_subclass_is_no_error(
    controllers: tuple[object, ...],
) -> None:
    async with Application(controllers=controllers, bundles=[Guard]):
        pass


async def test_option_of_base_class_in_listener_is_no_error() -> None:
    async with Application(listeners=[Listening], bundles=[Guard]) as application:
        await application.reload(controllers=[WithShow])


async def test_option_of_controller_with_the_route_in_a_subclass_is_no_error() -> None:
    class Both(Base):
        @http("GET", "/other", "other")
        async def other(self) -> None: ...

        @option("access", "admins")
        async def export(self) -> None: ...

    class WithExport(Both):
        @http("GET", "/export", "export")
        async def export(self) -> None: ...

        other = None  # type: ignore[assignment] # without its route

    async with Application(controllers=[Both, WithExport], bundles=[Guard]) as application:
        assert application.kernel.http_definitions["export"].options == {"access": "admins"}
    with pytest.raises(ConfigurationError, match=r"Both\.export has no effect"):
        await Application(controllers=[Both], bundles=[Guard]).boot()


async def test_option_of_method_with_route_made_in_code_is_no_error() -> None:
    class Helper:
        @option("access", "admins")
        async def help(self) -> None: ...

    application = Application(controllers=[Helper], bundles=[Guard])
    application.http_metadata_storage.add(HttpMetadata(Helper, "a", "/a", "GET", "help"))
    async with application:
        pass


async def test_option_of_method_with_route_added_by_its_controller_is_no_error() -> None:
    class Helper:
        @option("access", "admins")
        async def help(self) -> None: ...

        @observe(ApplicationEvents.BOOTSTRAP)
        async def add(self, event: BootstrapEvent) -> None:
            route = HttpMetadata(self, "help", "/help", "GET", "help")
            event.http_metadata_storage.add(route)

    async with Application(controllers=[Helper], bundles=[Guard]) as application:
        assert application.kernel.http_definitions["help"]


class Plain:
    async def index(self, request: Request) -> None: ...


GUARDED = BundleOption("guarded", "guard", "Guard")
LIMITED = BundleOption("limited", "guard", "Guard")


class OwnGuard(Bundle):
    name = "guard"
    options = (GUARDED, LIMITED)


class Guarded:
    @http("GET", "/", "index")
    @option(GUARDED, True)
    @option(LIMITED, 1)
    async def index(self, request: Request) -> None: ...


@pytest.mark.parametrize("declared", [(), ("guarded", "limited")])
async def test_options_of_bundle_that_is_not_enabled_are_one_error(
    declared: tuple[str, ...],
) -> None:
    (problem,) = await problems_of(Application(controllers=[Guarded], options=declared))

    assert problem.endswith("without the bundle guard; enable it: Application(bundles=[Guard])")


async def test_bundle_option_boots_with_its_bundle() -> None:
    application = Application(controllers=[Guarded], bundles=[OwnGuard], options=["guarded"])
    async with application:
        assert application.kernel.http_definitions["index"].options == {
            "guarded": True,
            "limited": 1,
        }
