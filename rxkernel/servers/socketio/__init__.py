"""Socket.IO on python-socketio, which is imported only in this package.

The path of one event, from its frame to the acknowledgement:

1. `Session.serve` reads a websocket frame; `Polling.post` reads the packets of a POST.
2. `Session.receive` checks the rate, and a `PacketDecoder` returns the `Packet` of the frame.
3. `Engine.received` finds the connection of the packet's namespace.
4. `ConnectionHandler.receive` puts the event into the `EventQueue` of the connection. A full queue
   makes the reader wait: see `backpressure`.
5. A task of the queue runs `ConnectionHandler._handle`: the kernel handles the request, and
   `encoding.encode_acknowledgement` encodes the response.
6. `SocketioConnection.acknowledge` passes the packet to the `PacketSender` of the session, which
   writes it to the websocket, or adds it to its `SendQueue`.

The modules, each of which imports only those above it:

- Packets: `engineio_packets`, `protocol_error`, `packet`, `packet_decoder`, `payload`,
  `encoded_packet`, `encoding`.
- Limits: `session_limits`, `token_bucket`, `send_queue`, `backpressure`, `event_queue`.
- Connections: `packet_sender` (with `flush_scheduler`), `connection` (a client in one namespace),
  `session` (a client with its transport, with `polling`, `heartbeat` and `connect_deadline`).
- Servers: `engineio_server` (HTTP requests), `connection_handler` (the kernel, with
  `served_namespaces`), `client_manager` (rooms), `engine` (python-socketio), `server` (rxkernel).
"""
