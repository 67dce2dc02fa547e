"""The sockets of each account are in one room, to which events of private tasks are sent."""

from bundles.security import SecurityEvents, SocketAuthenticationEvent, SocketExpiredEvent
from rxkernel import ConnectionEvent, ServerEvents, observe


def room_of(username: str) -> str:
    return f"account/{username}"


class AccountRooms:
    """Lets a socket join the room of its account, and leave it when its identity ends."""

    @observe(ServerEvents.CONNECTED)
    async def connected(self, event: ConnectionEvent) -> None:
        if event.connection.user is not None:
            await event.connection.join(room_of(event.connection.user.username))

    @observe(SecurityEvents.SOCKET_AUTHENTICATION_SUCCESS)
    async def authenticated(self, event: SocketAuthenticationEvent) -> None:
        await event.connection.join(room_of(event.token.user.username))

    @observe(SecurityEvents.SOCKET_UNAUTHENTICATION_SUCCESS)
    async def unauthenticated(self, event: SocketAuthenticationEvent) -> None:
        await event.connection.leave(room_of(event.token.user.username))

    @observe(SecurityEvents.SOCKET_EXPIRED)
    async def expired(self, event: SocketExpiredEvent) -> None:
        await event.connection.leave(room_of(event.token.user.username))
