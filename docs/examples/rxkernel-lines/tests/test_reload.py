"""Procedures are replaced while clients call them."""

import asyncio
import time

from client import Client
from rxkernel import Application, HttpSettings, ProcedureMetadata, Settings
from rxkernel_lines import LINES, LinesSettings

CALLS, RATE, CALLS_PER_VERSION = 300, 100, 20


class Version:
    """An instance per version, so that the old one and the new one share nothing."""

    def __init__(self, number: int) -> None:
        self.number = number

    async def answer(self) -> int:
        await asyncio.sleep(0.03)  # calls are in flight when the next version comes
        return self.number


def version(number: int) -> ProcedureMetadata:
    return ProcedureMetadata(Version(number), "version", "answer", LINES)


async def test_reload_under_100_calls_a_second_fails_none() -> None:
    """A call gets a version that was served between its start and its response."""
    settings = Settings(http=HttpSettings(port=0), bundles={"lines": LinesSettings(port=0)})
    application = Application(bundles=["lines"], settings=settings)
    application.procedure_metadata_storage.add(version(0))
    await application.start()
    served = 0

    async def call(client: Client) -> int:
        first = served
        answer = await client.call("version")
        assert answer["status"] == 200, answer
        assert first <= answer["content"] <= served
        number: int = answer["content"]
        return number

    port = application.servers["lines"].port
    assert port is not None
    async with Client(port) as one, Client(port) as two:
        calls, begun = [], time.monotonic()
        for sent in range(CALLS):
            if sent and sent % CALLS_PER_VERSION == 0:
                old = application.kernel.definitions[LINES]["version"]
                await application.reload(remove=[old], add=[version(served + 1)])
                served += 1
            calls.append(asyncio.create_task(call((one, two)[sent % 2])))
            await asyncio.sleep(max(0.0, begun + (sent + 1) / RATE - time.monotonic()))
        answers = await asyncio.gather(*calls)
    await application.stop()

    assert len(answers) == CALLS
    assert max(answers) == served == CALLS // CALLS_PER_VERSION - 1
