"""A controller and listeners that look at a context variable in every phase of a message."""

from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

from injector import Binder, ProviderOf, inject

from rxkernel import (
    Application,
    Bundle,
    ConflictException,
    ExceptionEvent,
    KernelEvents,
    Request,
    RequestEvent,
    ResponseEvent,
    StreamResponse,
    TerminateEvent,
    Transport,
    error_response,
    http,
    observe,
    procedure,
    request_scope,
    websocket,
)

LINES = Transport("LINES")

PHASES = ["request", "action", "response", "terminate", "aclose"]
FAILED = ["request", "action", "exception", "response", "terminate", "aclose"]

user: ContextVar[str] = ContextVar("user", default="nobody")
step: ContextVar[str] = ContextVar("step", default="none")


class Lines(Bundle):
    name = "lines"
    transports = (LINES,)


class Probe:
    """Records the value of ``user`` in each phase, by the param ``name`` of the message."""

    def __init__(self) -> None:
        self.seen: dict[str, list[tuple[str, str]]] = {}
        self.before: dict[str, str] = {}

    def note(self, name: str, phase: str) -> None:
        self.seen.setdefault(name, []).append((phase, user.get()))

    def is_done(self, *names: str) -> bool:
        """Whether the last phase of each of these messages has run."""
        return all(self.phases(name)[-1:] == ["aclose"] for name in names)

    def phases(self, name: str) -> list[str]:
        return [phase for phase, _ in self.seen.get(name, ())]

    def values(self, name: str) -> set[str]:
        """The values of ``user`` in all phases."""
        return {value for _, value in self.seen[name]}

    @observe(KernelEvents.KERNEL_REQUEST)
    async def begin(self, event: RequestEvent) -> None:
        name = event.request.params["name"]
        self.before[name] = user.get()
        event.request.attributes["token"] = user.set(name)
        self.note(name, "request")

    @observe(KernelEvents.KERNEL_EXCEPTION)
    async def failed(self, event: ExceptionEvent) -> None:
        self.note(event.request.params["name"], "exception")
        event.set_response(error_response(event.exception))

    @observe(KernelEvents.KERNEL_RESPONSE)
    async def answered(self, event: ResponseEvent) -> None:
        self.note(event.request.params["name"], "response")

    @observe(KernelEvents.KERNEL_TERMINATE)
    async def end(self, event: TerminateEvent) -> None:
        self.note(event.request.params["name"], "terminate")
        step.reset(event.request.attributes["step"])


class Note:
    """A service of one message; when it is closed, it resets the value of ``user``."""

    @inject
    def __init__(self, probe: Probe, request: Request) -> None:
        self.probe = probe
        self.request = request

    async def aclose(self) -> None:
        self.probe.note(self.request.params["name"], "aclose")
        user.reset(self.request.attributes["token"])


class Steps:
    @inject
    def __init__(self, probe: Probe, note: ProviderOf[Note]) -> None:
        self.probe = probe
        self.note = note

    @http("GET", "/steps/{name}", "steps")
    @http("POST", "/steps/{name}", "steps_with_body")
    @websocket("steps")
    @procedure("steps", LINES)
    async def steps(self, request: Request) -> str:
        self._act(request)
        return user.get()

    @http("GET", "/fails/{name}", "fails")
    @websocket("fails")
    @procedure("fails", LINES)
    async def fails(self, request: Request) -> None:
        self._act(request)
        raise ConflictException

    @http("GET", "/stream/{name}", "stream")
    async def stream(self, request: Request) -> StreamResponse:
        self._act(request)
        return StreamResponse(self._pieces())

    async def _pieces(self) -> AsyncIterator[str]:
        token = step.set("streaming")
        try:
            yield user.get()
        finally:
            step.reset(token)

    def _act(self, request: Request) -> None:
        self.note.get()
        request.attributes["step"] = step.set("action")
        self.probe.note(request.params["name"], "action")


def parts(probe: Probe) -> dict[str, Any]:
    """The arguments of an application with *probe*, in addition to `Steps`."""

    def configure(binder: Binder) -> None:
        binder.bind(Probe, to=probe)
        binder.bind(Note, scope=request_scope)

    return {"listeners": [probe], "modules": [configure], "bundles": [Lines]}


def application(probe: Probe) -> Application:
    return Application(controllers=[Steps], **parts(probe))
