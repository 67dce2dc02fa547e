"""Tasks of the tests: of a service with dependencies, and of a module."""

from typing import Annotated, Any

import attrs
from injector import Binder, inject, singleton

from bundles.tasks import Job, current_job, every, task
from rxkernel import BadRequestException, Body, Inject


class Outbox:
    """The receiver of the letters."""

    def __init__(self) -> None:
        self.sent: list[str] = []


@attrs.frozen
class Address:
    name: str
    street: str = "Main Street"


class Letters:
    @inject
    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.failures = 0

    @task
    async def send(self, to: Address, text: str, copies: int = 1) -> Address:
        self.outbox.sent += [f"{to.name}: {text}"] * copies
        return to

    @task(retries=2, retry_delay=0.01)
    async def fail(self, times: int) -> int:
        self.failures += 1
        if self.failures <= times:
            raise RuntimeError(f"failure {self.failures}")
        return self.failures

    @task(retries=5, retry_delay=0.01)
    async def reject(self) -> None:
        self.failures += 1
        raise BadRequestException("no address")

    @task(retries=1, retry_delay=600)
    async def fail_for_long(self) -> None:
        self.failures += 1
        raise RuntimeError("later")

    @task(retries=1, retry_delay=0.01)
    async def change(self, content: Annotated[Any, Body()]) -> list[int]:
        self.failures += 1
        content.append(self.failures)
        if self.failures == 1:
            raise RuntimeError("once more")
        return list(content)

    @every("1h", name="hourly")
    @task(retries=0)
    async def fail_now(self) -> None:
        self.failures += 1
        raise RuntimeError("now")

    @task(name="who")
    async def job(self) -> Job:
        return current_job()


@task
async def total(numbers: list[int], outbox: Annotated[Outbox, Inject()]) -> int:
    outbox.sent.append("total")
    return sum(numbers)


def letters(binder: Binder) -> None:
    binder.bind(Outbox, scope=singleton)
    binder.bind(Letters, scope=singleton)
