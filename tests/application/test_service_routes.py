"""`BootstrapEvent` for bundles that serve methods of bound services."""

import logging

import pytest
from injector import Binder, Module, inject, provider, singleton

from rxkernel import (
    Application,
    ApplicationEvents,
    BootstrapEvent,
    Bundle,
    BundleOption,
    ConfigurationError,
    Kernel,
    Transport,
    both,
    observe,
    option,
    procedure,
    request_scope,
)
from rxkernel.pytest_plugin import ClientOf

JOBS = Transport("JOBS")


class Database:
    pass


class Reports:
    @inject
    def __init__(self, database: Database) -> None:
        self.database = database

    @procedure("report", JOBS, options={"period": 30, "inherited": "of the route"})
    @both("POST", "/report", "report")
    @option("inherited", "of the method")
    async def report(self) -> str:
        return "reported"


class Cart:
    pass


class Jobs(Bundle):
    name = "jobs"
    transports = (JOBS,)
    options = ("period", "inherited")


class Publisher(Jobs):
    def __init__(self) -> None:
        self.services: list[type] = []
        self.scoped: list[type] = []

    @observe(ApplicationEvents.BOOTSTRAP)
    async def publish(self, event: BootstrapEvent) -> None:
        self.services = [type(service) for service in event.services]
        self.scoped = list(event.scoped_classes)
        if errors := event.add_procedures((JOBS,), "the job {}", "run"):
            raise ConfigurationError.merge(errors)


class Services(Module):
    def configure(self, binder: Binder) -> None:
        binder.bind(Reports, scope=singleton)
        binder.bind(Database, scope=singleton)
        binder.bind(Cart, scope=request_scope)

    @request_scope
    @provider
    def number(self) -> int:
        return 1


async def test_bootstrap_event_has_singletons_in_order_and_classes_of_other_scopes(
    client_of: ClientOf,
) -> None:
    bundle = Publisher()
    client = client_of(Application(bundles=[bundle], modules=[Services]))

    assert (await client.call(JOBS, "report")).content == "reported"

    ours = [cls for cls in bundle.services if cls.__module__ == __name__]
    assert ours.index(Database) < ours.index(Reports)
    assert Kernel not in bundle.services
    assert Application not in bundle.services
    assert bundle.scoped == [Cart]


async def test_procedure_of_a_scoped_class_is_an_error(client_of: ClientOf) -> None:
    def bind(binder: Binder) -> None:
        binder.bind(Reports, scope=request_scope)
        binder.bind(Database, scope=singleton)

    client = client_of(Application(bundles=[Publisher()], modules=[bind]))
    with pytest.raises(ConfigurationError) as caught:
        await client.call(JOBS, "report")

    assert caught.value.problems == (
        f"{__name__}.Reports.report is the job 'report', and Reports is not a singleton; bind it "
        f"with scope=singleton, and take services of a run as arguments: session: "
        f"Annotated[Session, Inject()]",
    )


async def test_procedure_of_a_controller_that_is_bound_is_added_once(client_of: ClientOf) -> None:
    client = client_of(
        Application(bundles=[Publisher()], controllers=[Reports], modules=[Services])
    )
    assert (await client.call(JOBS, "report")).content == "reported"


async def test_procedure_options_of_other_routes_of_the_method_are_not_used(
    client_of: ClientOf,
) -> None:
    client = client_of(Application(bundles=[Jobs], controllers=[Reports], modules=[Services]))
    await client.http("report")

    kernel = client.application.kernel
    assert kernel.definitions[JOBS]["report"].options == {
        "inherited": "of the route",
        "period": 30,
    }
    assert kernel.http_definitions["report"].options == {"inherited": "of the method"}


PERIOD = BundleOption("period", "jobs", "JobsBundle")


class Clock:
    @procedure("tick", JOBS, options={PERIOD: 30})
    @both("POST", "/tick", "tick")
    async def tick(self) -> None: ...


@pytest.mark.parametrize("is_enabled", [True, False])
async def test_service_procedure_whose_bundle_is_not_enabled_is_logged(
    caplog: pytest.LogCaptureFixture, is_enabled: bool
) -> None:
    """The procedure never runs, and nothing else would report that."""

    class Timed(Publisher):
        options = (PERIOD, "inherited")

    def bind(binder: Binder) -> None:
        binder.bind(Clock, scope=singleton)

    bundles = [Timed()] if is_enabled else []
    with caplog.at_level(logging.WARNING, "rxkernel"):
        async with Application(bundles=bundles, modules=[bind]):
            pass

    found = [record.getMessage() for record in caplog.records]
    assert found == ([] if is_enabled else [_NO_BUNDLE])


_NO_BUNDLE = (
    f"option 'period' of {__name__}.Clock.tick has no effect without the bundle jobs; enable it: "
    f"Application(bundles=[JobsBundle])"
)
