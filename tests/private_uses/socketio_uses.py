"""The private uses of python-socketio and python-engineio."""

from typing import Any

import engineio
import socketio
from engineio.async_socket import AsyncSocket

from tests.private_uses.private_use import PrivateUse, require

_CONNECTION = "servers/socketio/connection.py"
_ENGINE = "servers/socketio/engine.py"
_ENGINEIO = "servers/socketio/engineio_server.py"
_MANAGER = "servers/socketio/client_manager.py"
_PACKET = "servers/socketio/library_packet.py"
_SERVER = "servers/socketio/server.py"
_SESSION = "servers/socketio/session.py"


def _server() -> Any:
    return socketio.AsyncServer(async_mode="aiohttp")


def _check_environ() -> None:
    server = _server()
    require(server.environ == {})
    require(isinstance(server.eio, engineio.AsyncServer))
    require(isinstance(server.manager, socketio.AsyncManager))


def _check_manager() -> None:
    manager = _server().manager
    for name in ("rooms", "callbacks", "pending_connect", "pending_disconnect"):
        require(getattr(manager, name) == {})
    require(isinstance(manager.server, socketio.AsyncServer))


def _check_engineio() -> None:
    server = engineio.AsyncServer(
        async_mode="aiohttp", monitor_clients=False, ping_interval=1, ping_timeout=2
    )
    require(server.sockets == {})
    require((server.ping_interval, server.ping_timeout) == (1, 2))
    require(server.max_http_buffer_size > 0)


def _check_socket() -> None:
    socket = AsyncSocket(engineio.AsyncServer(async_mode="aiohttp"), "id")
    require(socket.session == {})
    require(socket.upgraded is False)


def _check_serializer() -> None:
    class Packet(socketio.packet.Packet):  # type: ignore[misc]
        json = None

    server = socketio.AsyncServer(async_mode="aiohttp", serializer=Packet)
    require(server.packet_class is Packet)
    require(hasattr(socketio.packet.Packet, "json"))


def _manager_use(
    name: str, why: str, *parameters: str, files: tuple[str, ...] = (_MANAGER,)
) -> Any:
    return PrivateUse(
        name=f"socketio.AsyncManager.{name}",
        files=files,
        why=why,
        spelled=(f"manager.{name}", f"super().{name}", f"self.{name}"),
        parameters=("self", *parameters),
    )


_REFUSED = "overridden: room None, which contains every client, is refused"
_OF_ROOMS = "overridden: the rooms of each client are kept"

SOCKETIO = (
    PrivateUse(
        name="socketio.AsyncServer._engineio_server_class",
        files=(_ENGINE,),
        why="overridden: EngineioServer",
        parameters=("self",),
    ),
    PrivateUse(
        name="socketio.AsyncServer._trigger_event",
        files=(_ENGINE,),
        why="overridden: `disconnect` of the library ends a connection here",
        parameters=("self", "event", "namespace", "args"),
    ),
    PrivateUse(
        name="socketio.AsyncServer._handle_eio_connect",
        files=(_ENGINE,),
        why="starts a session",
        parameters=("self", "eio_sid", "environ"),
    ),
    PrivateUse(
        name="socketio.AsyncServer._send_packet",
        files=(),
        why="called by `disconnect` of the library; it calls `Session.send`",
        spelled=(),
        parameters=("self", "eio_sid", "pkt"),
    ),
    PrivateUse(
        name="socketio.AsyncServer.call",
        files=(_ENGINE,),
        why="overridden: the method of the library would block the reader of the client",
        spelled=("super().call",),
        parameters=(
            *("self", "event", "data", "to", "sid", "namespace", "timeout", "ignore_queue"),
        ),
    ),
    PrivateUse(
        name="socketio.AsyncServer.shutdown",
        files=(_ENGINE, _SERVER),
        why="overridden: waits for sessions",
        spelled=("engine.shutdown", "super().shutdown"),
        parameters=("self",),
    ),
    PrivateUse(
        name="socketio.AsyncServer.environ",
        files=(_ENGINE,),
        why="a session that ended is removed",
        spelled=("self.environ.pop",),
        check=_check_environ,
    ),
    PrivateUse(
        name="socketio.AsyncServer.eio",
        files=(_ENGINE, _SERVER),
        why="the EngineioServer",
        check=_check_environ,
    ),
    PrivateUse(
        name="socketio.AsyncServer.manager",
        files=(_ENGINE,),
        why="the ClientManager",
        check=_check_environ,
    ),
    PrivateUse(
        name="socketio.packet.Packet",
        files=(_PACKET, _SESSION),
        why="the packets that the library sends are encoded with msgspec",
        spelled=("engineio_packet.Packet", "socketio.packet"),
        check=_check_serializer,
    ),
    _manager_use("enter_room", _REFUSED, "sid", "namespace", "room", "eio_sid"),
    _manager_use("leave_room", _REFUSED, "sid", "namespace", "room"),
    _manager_use("close_room", _REFUSED, "room", "namespace"),
    _manager_use("basic_enter_room", _OF_ROOMS, "sid", "namespace", "room", "eio_sid"),
    _manager_use("basic_leave_room", _OF_ROOMS, "sid", "namespace", "room"),
    _manager_use("basic_disconnect", _OF_ROOMS, "sid", "namespace", "kwargs"),
    _manager_use("get_rooms", _OF_ROOMS, "sid", "namespace"),
    _manager_use("get_participants", _OF_ROOMS, "namespace", "room"),
    _manager_use("sid_from_eio_sid", _OF_ROOMS, "eio_sid", "namespace"),
    _manager_use("_generate_ack_id", "overridden: ids without gaps", "sid", "callback"),
    _manager_use(
        *("emit", "overridden: a broadcast is encoded once"),
        *("event", "data", "namespace", "room", "skip_sid", "callback", "to", "kwargs"),
    ),
    _manager_use(
        *("is_sid_room", "rooms with the id of a client", "namespace", "room"),
        files=(_ENGINE, _MANAGER),
    ),
    _manager_use(
        "pre_connect", "an id that is not accepted yet", "eio_sid", "namespace", files=(_ENGINE,)
    ),
    _manager_use("connect", "the id is accepted", "sid", "namespace", files=(_ENGINE,)),
    _manager_use("disconnect", "the id has ended", "sid", "namespace", "kwargs", files=(_ENGINE,)),
    _manager_use("trigger_callback", "an acknowledgement", "sid", "id", "data", files=(_ENGINE,)),
    *(
        PrivateUse(
            name=f"socketio.AsyncManager.{name}",
            files=files,
            why="the state of the manager",
            spelled=(f"self.{name}", f"manager.{name}"),
            check=_check_manager,
        )
        for name, files in {
            "callbacks": (_ENGINE, _MANAGER),
            "pending_connect": (_MANAGER,),
            "pending_disconnect": (_MANAGER,),
            "rooms": (_CONNECTION, _MANAGER),  # the connection has rooms of its own
            "server": (_MANAGER,),
        }.items()
    ),
    # --- python-engineio
    PrivateUse(
        name="engineio.AsyncServer.attach",
        files=(_ENGINEIO, _SERVER),
        why="overridden: all methods of one path",
        spelled=("engine.attach",),
        parameters=("self", "app", "engineio_path"),
    ),
    PrivateUse(
        name="engineio.AsyncServer.handle_request",
        files=(_ENGINEIO,),
        why="overridden: requests of the aiohttp adapter",
        parameters=("self", "args", "kwargs"),
    ),
    PrivateUse(
        name="engineio.AsyncServer.disconnect",
        files=(_ENGINEIO, _SERVER),
        why="overridden: closes sessions with a reason",
        spelled=("eio.disconnect",),
        parameters=("self", "sid"),
    ),
    PrivateUse(
        name="engineio.AsyncServer.send_packet",
        files=(),
        why="calls `Session.send`, which stands for AsyncSocket.send",
        spelled=(),
        parameters=("self", "sid", "pkt"),
    ),
    PrivateUse(
        name="engineio.AsyncServer.generate_id",
        files=(_ENGINEIO,),
        why="the id of a session",
        parameters=("self",),
    ),
    *(
        PrivateUse(
            name=f"engineio.AsyncServer.{name}",
            files=files,
            why="the state of the server",
            spelled=(f"self.{name}", f"eio.{name}"),
            check=_check_engineio,
        )
        for name, files in {
            "max_http_buffer_size": (_ENGINEIO,),
            "ping_interval": (_ENGINEIO,),
            "ping_timeout": (_ENGINEIO,),
            "sockets": (_ENGINE, _ENGINEIO, _SERVER),
        }.items()
    ),
    *(
        PrivateUse(
            name=f"engineio.async_socket.AsyncSocket.{name}",
            files=(_SESSION,),
            why="the library reads it from a Session, which stands for an AsyncSocket",
            spelled=(),
            check=_check_socket,
        )
        for name in ("session", "upgraded")
    ),
    PrivateUse(
        name="engineio.async_socket.AsyncSocket.send",
        files=(_SESSION,),
        why="the library calls it of a Session",
        spelled=(),
        parameters=("self", "pkt"),
    ),
    PrivateUse(
        name="engineio.packet.Packet.encode",
        files=(_SESSION,),
        why="a packet that the library sends",
        spelled=("packet.encode",),
        accepts=lambda signature: signature.bind("self"),
    ),
)
