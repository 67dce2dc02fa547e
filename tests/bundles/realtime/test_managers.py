"""`Manager` and `AppHandle`."""

from typing import Any

import pytest
from injector import inject

from bundles.realtime import AppHandle, Manager, RealtimeBundle
from rxkernel import Application, ConfigurationError


class Journal(Manager):
    """Records what the managers do."""

    @inject
    def __init__(self, app_handle: AppHandle) -> None:
        super().__init__(app_handle)
        self.lines: list[str] = []


class Database(Manager, name="db"):
    async def start(self) -> None:
        self.app_handle.journal.lines.append("start db")

    def stop(self) -> None:
        self.app_handle.journal.lines.append("stop db")


class Users(Manager):
    @inject
    def __init__(self, app_handle: AppHandle, database: Database) -> None:
        super().__init__(app_handle)
        self.database = database

    def start(self) -> None:
        self.app_handle.journal.lines.append("start users")

    async def stop(self) -> None:
        self.app_handle.journal.lines.append("stop users")


def application(*managers: type[Manager]) -> Application:
    return Application(bundles=[RealtimeBundle(managers=managers)])


async def test_manager_that_injects_another_starts_after_it_and_stops_before_it() -> None:
    app = application(Users, Database, Journal)
    injector = await app.boot()
    handle = injector.get(AppHandle)
    journal: Journal = handle.journal

    assert handle.users.database is handle.db is injector.get(Database)
    assert journal.lines == ["start db", "start users"]
    await app.stop()
    assert journal.lines == ["start db", "start users", "stop users", "stop db"]


@pytest.mark.parametrize("name", ["", "a", "send", "_hidden", "two words"])
async def test_manager_invalid_name_is_a_problem_of_boot(name: str) -> None:
    cls: Any = type("Store", (Manager,), {}, name=name)

    with pytest.raises(ConfigurationError, match="the manager Store has the invalid name"):
        await application(cls).boot()


async def test_app_handle_unknown_manager_is_an_attribute_error() -> None:
    handle = (await application(Database, Journal).boot()).get(AppHandle)

    with pytest.raises(AttributeError, match="unknown manager 'journals'; did you mean"):
        _ = handle.journals
