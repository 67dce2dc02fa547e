"""`Sessions.sent_id`: the session that a client names, whether it exists or not."""

from typing import Annotated, Any

from bundles.sessions import CurrentSession, Sessions, SessionsBundle
from rxkernel import Application, Inject, KernelClient, Request, both


class Ids:
    @both("GET", "/ids", "ids")
    async def ids(
        self,
        request: Request,
        sessions: Annotated[Sessions, Inject()],
        session: CurrentSession,
    ) -> list[str | None]:
        inner = request.inner(request.definition, None)
        return [session.id, sessions.sent_id(request), sessions.sent_id(inner)]

    @both("POST", "/write", "write")
    async def write(self, session: CurrentSession) -> None:
        session["a"] = 1


async def test_sent_id_of_message_and_inner_request_is_the_session_id() -> None:
    async with KernelClient(application()) as client:
        await client.http("write")
        over_http = (await client.http("ids")).content
        async with client.connection() as socket:
            over_socket = (await client.websocket("ids", connection=socket)).content
        async with client.connection(auth={"session": "a" * 43}) as socket:
            await client.websocket("write", connection=socket)
            of_socket = (await client.websocket("ids", connection=socket)).content

    assert None not in (over_http[0], of_socket[0])
    assert over_http == over_socket == over_http[:1] * 3
    assert of_socket == of_socket[:1] * 3 != over_http


async def test_sent_id_without_a_session_is_none() -> None:
    async with KernelClient(application()) as client:
        over_http: Any = (await client.http("ids")).content
        over_socket = (await client.websocket("ids")).content

    assert over_http == over_socket == [None, None, None]


async def test_sent_id_of_an_unknown_session_is_derived_from_its_secret() -> None:
    async with KernelClient(application()) as client:
        found = await client.http("ids", headers={"Cookie": f"sid={'a' * 43}"})

    id, sent, inner = found.content
    assert id is None
    assert sent == inner
    assert sent is not None


def application() -> Application:
    return Application(controllers=[Ids], bundles=[SessionsBundle])
