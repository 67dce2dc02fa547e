"""Services of bundles that are injected while their bundle is not enabled."""

from typing import Any

import pytest
from injector import inject
from sqlalchemy.ext.asyncio import AsyncSession

from bundles.apidocs import Documents
from bundles.contracts import Contracts, Schemas
from bundles.realtime import AppHandle
from bundles.redis import Redis, RedisSettings
from bundles.resources import AfterCommit, Database, Databases
from bundles.security import AcceptedCredentials, AccessTokens, Passwords, Security, UserProvider
from bundles.sessions import Sessions, SessionStore
from bundles.tasks import Background, Scheduler, TaskQueue, TaskStore, Watchers, WorkerPool
from rxkernel import Application, ConfigurationError, Request, http

SERVICES: dict[type[Any], str] = {
    Documents: "apidocs",
    Contracts: "contracts",
    Schemas: "contracts",
    AppHandle: "realtime",
    Redis: "redis",
    RedisSettings: "redis",
    AfterCommit: "resources",
    AsyncSession: "resources",
    Database: "resources",
    Databases: "resources",
    AcceptedCredentials: "security",
    AccessTokens: "security",
    Passwords: "security",
    Security: "security",
    UserProvider: "security",
    SessionStore: "sessions",
    Sessions: "sessions",
    Background: "tasks",
    Scheduler: "tasks",
    TaskQueue: "tasks",
    TaskStore: "tasks",
    Watchers: "tasks",
    WorkerPool: "tasks",
}


def controller_with(service: Any) -> type[Any]:
    class Needy:
        @inject
        def __init__(self, needed: service) -> None: ...

        @http("GET", "/", "index")
        async def index(self, request: Request) -> None: ...

    return Needy


async def problem_with(service: type[Any]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        await Application(controllers=[controller_with(service)]).boot()
    (problem,) = caught.value.problems
    return problem.partition(" asks for ")[2]


@pytest.mark.parametrize(
    ("service", "bundle"),
    [pytest.param(s, b, id=f"{b}-{s.__name__}") for s, b in SERVICES.items()],
)
async def test_service_of_bundle_that_is_not_enabled_names_the_bundle(
    service: type[Any], bundle: str
) -> None:
    start, _, end = (await problem_with(service)).partition("enable it: ")

    assert start == f"{service.__name__}, which needs the bundle {bundle}; "
    assert end.startswith("Application(bundles=[")


async def test_subclass_of_a_service_that_nothing_binds_is_not_one_of_the_bundle() -> None:
    """No bundle binds the class of an application: enabling one would not help."""
    own = type("OwnQueue", (TaskQueue,), {})

    assert (await problem_with(own)).startswith("OwnQueue, which nothing binds; bind it in")


async def test_parameter_of_bundle_that_is_not_enabled_names_the_bundle() -> None:
    class Needy:
        @http("GET", "/", "index")
        async def index(self, session: AsyncSession) -> None: ...

    with pytest.raises(
        ConfigurationError,
        match="'session': AsyncSession needs the bundle resources; enable it: Application",
    ):
        await Application(controllers=[Needy]).boot()
