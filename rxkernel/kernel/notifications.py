"""Events about something that has already happened: every listener is called.

The dispatch of any other event, such as `kernel.request`, ends with the first exception of a
listener.
"""

import logging

from rxkernel.events.dispatcher import AsyncEventDispatcher, Listener, describe
from rxkernel.events.event import Event
from rxkernel.kernel.errors import to_failure

logger = logging.getLogger(__name__)


async def notify(dispatcher: AsyncEventDispatcher, event_name: str, event: Event) -> None:
    """Dispatch *event*; see `notify_listeners`."""
    await notify_listeners(dispatcher.active_listeners(event_name), event_name, event)


async def notify_listeners(
    listeners: tuple[Listener, ...], event_name: str, event: Event
) -> Exception | None:
    """Await each of *listeners* in turn until one stops the event, and log their exceptions.

    Returns:
        The first of these exceptions.

    Raises:
        BaseException: not an error of a listener, see `to_failure`; no further one is called.
    """
    first: Exception | None = None
    for listener in listeners:
        if event.propagation_stopped:
            break
        try:
            await listener(event)
        except BaseException as exc:
            failure = to_failure(exc)
            logger.error(
                "listener %s of %s failed", describe(listener), event_name, exc_info=failure
            )
            first = first or failure
    return first
