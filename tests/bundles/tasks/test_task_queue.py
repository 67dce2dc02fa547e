"""`@task` and `TaskQueue` in one process."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
from injector import inject

from bundles.security import Token
from bundles.tasks import (
    TASKS,
    Job,
    TaskFailedError,
    TaskQueue,
    TaskQueueFullException,
    TaskQueueSettings,
    TasksBundle,
    TasksSettings,
    TaskTimeoutException,
    task,
)
from rxkernel import (
    Application,
    ConfigurationError,
    HeadEvent,
    KernelClient,
    KernelEvents,
    RequestEvent,
    Settings,
    both,
    observe,
)
from tests.bundles.tasks.letters import Address, Letters, Outbox, letters, total
from tests.waiting import until


class Site:
    @inject
    def __init__(self, queue: TaskQueue, letters: Letters) -> None:
        self.queue = queue
        self.letters = letters

    @both("POST", "/letters", "letters")
    async def send(self, to: Address) -> str:
        queued = await self.queue.enqueue(self.letters.send, to, "hello")
        return queued.task

    @both("GET", "/who", "who")
    async def who(self) -> Job:
        return await (await self.queue.enqueue(self.letters.job)).result(20.0)


class Login:
    """Sets a token, and counts all messages."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @observe(KernelEvents.KERNEL_HEAD)
    async def set_token(self, event: HeadEvent) -> None:
        if event.request.transport != TASKS:
            event.request.token = Token(user="ada", identifier="ada", credential="session", id="s")

    @observe(KernelEvents.KERNEL_REQUEST)
    async def count(self, event: RequestEvent) -> None:
        self.seen.append(f"{event.request.transport} {event.request.route_name}")


class Running:
    def __init__(self, client: KernelClient) -> None:
        get = client.application.injector.get
        self.client = client
        self.queue, self.letters, self.outbox = get(TaskQueue), get(Letters), get(Outbox)
        self.login = get(Login)


@asynccontextmanager
async def running(**queue: Any) -> AsyncIterator[Running]:
    tasks = TasksSettings(store="memory", queue=TaskQueueSettings(**queue))
    application = Application(
        bundles=[TasksBundle(functions=[total])],
        controllers=[Site],
        listeners=[Login],
        modules=[letters],
        settings=Settings(bundles={"tasks": tasks}, shutdown_timeout=20.0),
    )
    async with KernelClient(application) as client:
        yield Running(client)


async def test_enqueue_runs_a_method_with_its_services() -> None:
    async with running() as app:
        queued = await app.queue.enqueue(app.letters.send, Address("Ada"), "hello", copies=2)
        assert queued.task == "Letters.send"
        assert await queued.result(20.0) == Address("Ada")
        assert await queued.result(20.0) == Address("Ada")
        assert app.outbox.sent == ["Ada: hello", "Ada: hello"]


async def test_enqueue_runs_a_listed_function_with_injected_services() -> None:
    async with running() as app:
        queued = await app.queue.enqueue(total, [1, 2, 3])  # type: ignore[call-overload]
        assert await queued.result(20.0) == 6
        assert app.outbox.sent == ["total"]


async def test_every_listener_of_the_kernel_sees_a_task() -> None:
    async with running() as app:
        await (await app.queue.enqueue(app.letters.send, Address("Ada"), "hi")).result(20.0)
        assert app.login.seen == ["TASKS Letters.send"]


async def test_task_gets_copies_of_its_arguments() -> None:
    async with running() as app:
        numbers = [1, 2]
        queued = await app.queue.enqueue(total, numbers)  # type: ignore[call-overload]
        numbers.append(3)
        assert await queued.result(20.0) == 3


async def test_task_of_a_request_has_its_id_and_its_user() -> None:
    async with running() as app:
        response = await app.client.http("who", headers={"X-Request-Id": "r1"})
        assert response.content == Job(request_id="r1", user="ada", session_id="s")


async def test_task_runs_after_the_response() -> None:
    async with running() as app:
        response = await app.client.http("letters", body={"name": "Ada"})
        assert response.content == "Letters.send"
    assert app.outbox.sent == ["Ada: hello"]


async def test_task_that_fails_runs_again() -> None:
    async with running() as app:
        assert await (await app.queue.enqueue(app.letters.fail, 2)).result(20.0) == 3


async def test_task_that_always_fails_ends_with_its_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running() as app:
        queued = await app.queue.enqueue(app.letters.fail, 9)
        with pytest.raises(
            TaskFailedError, match=r"Letters\.fail failed: RuntimeError: failure 3"
        ):
            await queued.result(20.0)
        assert app.letters.failures == 3
    assert f"Letters.fail has failed 3 times and is not retried ({queued.id})" in caplog.text


async def test_run_cannot_change_the_arguments_of_the_next_run() -> None:
    async with running() as app:
        queued = await app.queue.enqueue(app.letters.change, [0])
        assert await queued.result(20.0) == [0, 2]


async def test_task_that_is_also_scheduled_has_its_own_retries() -> None:
    async with running() as app:
        queued = await app.queue.enqueue(app.letters.fail_now)
        assert queued.task == "Letters.fail_now"
        with pytest.raises(TaskFailedError, match="RuntimeError: now"):
            await queued.result(20.0)
        assert app.letters.failures == 1


async def test_task_that_is_rejected_does_not_run_again() -> None:
    async with running() as app:
        queued = await app.queue.enqueue(app.letters.reject)
        with pytest.raises(TaskFailedError) as caught:
            await queued.result(20.0)
        assert caught.value.status_code == 400
        assert app.letters.failures == 1


async def test_result_past_its_timeout_raises_and_the_task_continues() -> None:
    async with running() as app:
        queued = await app.queue.enqueue(app.letters.fail_for_long)
        with pytest.raises(TaskTimeoutException):
            await queued.result(0.05)


async def test_full_queue_rejects_with_503() -> None:
    async with running(size=1) as app:
        await app.queue.enqueue(app.letters.fail_for_long)
        with pytest.raises(TaskQueueFullException) as caught:
            await app.queue.enqueue(app.letters.job)
        assert (caught.value.status_code, caught.value.code) == (503, "task_queue_full")


async def test_counts_of_the_queue_contain_its_tasks_and_runs() -> None:
    async with running(size=1) as app:
        queued = await app.queue.enqueue(app.letters.fail, 1)
        with pytest.raises(TaskQueueFullException):
            await app.queue.enqueue(app.letters.job)
        await queued.result(20.0)
        counts = app.client.application.servers["tasks"].counts
        assert {name: counts[f"tasks.queue.{name}"] for name in COUNTS} == COUNTS


COUNTS = {"put": 1, "rejected": 1, "runs": 2, "failures": 1}


async def test_shutdown_fails_a_task_that_would_run_again_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running() as app:
        queued = await app.queue.enqueue(app.letters.fail_for_long)
        await until(lambda: app.letters.failures)
    with pytest.raises(TaskFailedError, match="later"):
        await queued.result(20.0)
    with pytest.raises(TaskQueueFullException):
        await app.queue.enqueue(app.letters.job)


async def test_shutdown_reports_a_task_that_does_not_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Slow:
        @task
        async def wait(self) -> None:
            await asyncio.Event().wait()

    settings = Settings(bundles={"tasks": TasksSettings(store="memory")}, shutdown_timeout=0.1)
    application = Application(bundles=[TasksBundle], controllers=[Slow], settings=settings)
    with caplog.at_level(logging.ERROR):
        async with application:
            queue = application.injector.get(TaskQueue)
            queued = await queue.enqueue(application.injector.get(Slow).wait)
    with pytest.raises(TaskFailedError, match="the process was stopped"):
        await queued.result(20.0)
    assert "did not end in time; it is cancelled and lost" in caplog.text


async def test_function_that_is_not_a_task_is_an_error() -> None:
    async with running() as app:
        with pytest.raises(ValueError, match=r"is not a task.*Letters\.send") as caught:
            await app.queue.enqueue(Account("secret").visit)
        assert "secret" not in str(caught.value)


@attrs.frozen
class Account:
    password: str

    async def visit(self) -> None: ...


async def test_arguments_that_do_not_fit_are_an_error() -> None:
    async with running() as app:
        with pytest.raises(TypeError, match="unexpected keyword"):
            await app.queue.enqueue(app.letters.send, Address("Ada"), "hi", size=3)  # type: ignore[call-arg]
        with pytest.raises(TypeError, match=r"'Letters\.send' requires the argument 'text'"):
            await app.queue.enqueue(app.letters.send, Address("Ada"))  # type: ignore[call-overload]
        with pytest.raises(TypeError):
            await app.queue.enqueue(app.letters.send, object(), "hi")  # type: ignore[call-overload]
        with pytest.raises(TypeError, match="'outbox' of the task 'total' cannot be passed"):
            await app.queue.enqueue(total, [1], app.outbox)


async def test_boot_reports_all_problems() -> None:
    class Wrong:
        @task(retries=-1, retry_delay=-2)
        async def work(self) -> None: ...

    with pytest.raises(ConfigurationError) as caught:
        await Application(bundles=[TasksBundle], controllers=[Wrong]).boot()
    assert "retries is -1; it must be a whole number, 0 or more" in str(caught.value)
    assert "retry_delay is -2; it must be seconds, 0 or more" in str(caught.value)

    async def unlabelled() -> None: ...

    with pytest.raises(ConfigurationError, match="is not a function with @task"):
        await Application(bundles=[TasksBundle(functions=[unlabelled])]).boot()
