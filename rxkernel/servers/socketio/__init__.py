"""Socket.IO on python-socketio, which is imported only in this package.

The path of one event, from its frame to the acknowledgement:

1. `Session.serve` reads a websocket frame; `Polling.post` reads the packets of a POST.
2. `Session.receive` checks the rate, and parses the frame to a `Packet` (`packet.read_packet`).
3. `Engine.received` finds the connection of the packet's namespace.
4. `ConnectionHandler.receive` puts the event into the `EventQueue` of the connection. A full queue
   makes the reader wait: see `backpressure`.
5. A task of the queue runs `ConnectionHandler._handle`: the kernel answers the request, and
   `encoding.encode_acknowledgement` encodes the response.
6. `SocketioConnection.acknowledge` passes the packet to the session, which writes it to the
   websocket, or adds it to its `SendQueue`.

The modules, each of which imports only those above it:

- Packets: `packet`, `payload`, `encoded_packet`, `encoding`, `protocol_error`.
- Limits: `session_limits`, `token_bucket`, `send_queue`, `backpressure`, `event_queue`.
- Connections: `connection` (a client in one namespace), `session` (a client with its transport,
  with `polling`, `heartbeat`, `connect_deadline` and `flush_scheduler`).
- Servers: `engineio_server` (HTTP requests), `connection_handler` (the kernel), `client_manager`
  (rooms), `engine` (python-socketio), `server` (rxkernel).
"""
