"""Scheduled methods and functions that no service of the application has."""

import logging
from abc import ABC, abstractmethod
from typing import Any

import attrs
import pytest
from injector import Binder, singleton

from bundles.tasks import TasksBundle, TasksSettings, at, every
from rxkernel import Application, HttpSettings, Settings, SharedPort
from tests.bundles.tasks.site import running_site


class Bound:
    @every("1h")
    async def run(self) -> None: ...


class Base:
    @every("1h", name="inherited")
    async def run(self) -> None: ...


class Derived(Base):
    pass


class Abstract(ABC):
    @every("1h")
    async def run(self) -> None:
        self.write()

    @abstractmethod
    def write(self) -> None: ...


class Forgotten:
    @every("1h")
    async def run(self) -> None: ...

    class Inner:
        @at("2999-01-01")
        def run(self) -> None: ...


@attrs.define(eq=False)
class Slotted:
    """attrs creates a new class for it."""

    @every("1h")
    async def run(self) -> None: ...


@every("1h")
async def refresh() -> None: ...


@every("1h")
async def listed() -> None: ...


def bind(binder: Binder) -> None:
    for cls in (Bound, Derived):
        binder.bind(cls, scope=singleton)


async def test_scheduled_method_that_no_service_has_is_logged_at_boot(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "bundles.tasks"):
        async with running_site(
            modules=(bind,), bundles=(TasksBundle(functions=[listed]),)
        ) as site:
            await site.client.application.reload(remove=[])

    found = [r.getMessage() for r in caplog.records if f" {__name__}." in r.getMessage()]
    assert found == [
        *(
            f"the scheduled method {__name__}.{name}.run never runs, since no service or "
            f"controller of the application has it; bind its class with binder.bind("
            f"{name.rpartition('.')[2]}, "
            f"scope=singleton), or remove the decorator"
            for name in ("Forgotten", "Forgotten.Inner", "Slotted")
        ),
        f"the scheduled function {__name__}.refresh never runs; write "
        f"TasksBundle(functions=[refresh]), or remove the decorator",
    ]


async def test_method_that_no_application_of_a_port_has_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A method that the other application has is not logged, even if that one does not run."""
    port = SharedPort(Settings(http=HttpSettings(host="127.0.0.1", port=0)))
    applications = []
    for name, services in (("shop", (Bound, Derived)), ("blog", (Forgotten, Slotted))):
        http = HttpSettings(allowed_hosts=(f"{name}.example",))
        application = Application(
            bundles=[TasksBundle(functions=[listed])],
            modules=[_binding(*services)],
            settings=Settings(http=http, bundles={"tasks": TasksSettings(store="memory")}),
        )
        application.share(port, name)
        applications.append(application)

    with caplog.at_level(logging.WARNING, "bundles.tasks"):
        async with port:
            for application in applications:
                await application.stop()
            for application in applications:
                await application.start()

    texts = [r.getMessage() for r in caplog.records if f" {__name__}." in r.getMessage()]
    assert [text.split(f"{__name__}.")[1].split()[0] for text in texts] == [
        "Forgotten.Inner.run",
        "refresh",
    ]


def _binding(*classes: type) -> Any:
    def bind_all(binder: Binder) -> None:
        for cls in classes:
            binder.bind(cls, scope=singleton)

    return bind_all
