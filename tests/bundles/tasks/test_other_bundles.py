"""Access rules and contracts on tasks."""

import asyncio

import pytest

from bundles.contracts import contract
from bundles.security import CurrentUser, SecurityBundle, UserProvider, access
from bundles.tasks import TasksBundle, every
from rxkernel import ConfigurationError, http
from tests.bundles.tasks.site import running_site


class Users(UserProvider[str]):
    async def load(self, identifier: str) -> str | None:
        return identifier


class Reports:
    @every("10s", name="report")
    @http("POST", "/report", "report")
    async def report(self) -> str:
        return "reported"


@access("authenticated")
class Protected:
    @every("10s", name="protected")
    async def run(self) -> None: ...


async def test_task_needs_no_access_rule_and_its_http_route_does() -> None:
    security = SecurityBundle(Users, access="authenticated")
    async with running_site(Reports, Protected, bundles=(TasksBundle, security)) as site:
        await site.advance(10)

        assert (await site.entry("report")).record.result == "reported"
        assert (await site.client.http("report")).status_code == 401
        error = (await site.entry("protected")).record.error
        assert error == "401 Unauthorized"  # its class requires a user, and a task has no user


class Mine:
    @every("10s", name="mine")
    async def mine(self, user: CurrentUser[str]) -> str:
        return user


async def test_task_that_takes_a_user_is_an_error_at_boot() -> None:
    security = SecurityBundle(Users, access="authenticated")
    with pytest.raises(ConfigurationError, match=r"'TASKS:mine' .* takes a CurrentUser"):
        async with running_site(Mine, bundles=(TasksBundle, security)):
            pass


class Slow:
    @every("10s", name="slow")
    @contract(timeout=0.01)
    async def slow(self) -> None:
        await asyncio.Event().wait()


async def test_contract_limits_the_time_of_a_task() -> None:
    async with running_site(Slow, bundles=(TasksBundle, "contracts")) as site:
        await site.advance(10)
        await site.client.application.servers["tasks"].drain()

        error = (await site.entry("slow")).record.error
        assert error is not None
        assert error.startswith("408 ")
