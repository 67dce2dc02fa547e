// A connection to one namespace of a Socket.IO server (protocol v5).

import { Engine } from "./engine.js";
import {
  ACK,
  CONNECT,
  CONNECT_ERROR,
  DISCONNECT,
  EVENT,
  PacketDecoder,
  encodePacket,
} from "./socket_packets.js";

const CONNECT_TIMEOUT = 20_000; // milliseconds

// The server refused the connection; *data* is its error body.
export class RefusedError extends Error {
  constructor(message, data) {
    super(message);
    this.data = data;
  }
}

export class SocketConnection {
  // *onEvent* gets {name, values, acknowledge}; acknowledge is a function if the server waits for
  // one. *onClose* gets the reason, once, after the connection was open.
  constructor({ url, namespace, auth, headers, query, onEvent, onClose }) {
    this.namespace = namespace;
    this._auth = auth;
    this._onEvent = onEvent;
    this._onClose = onClose;
    this._decoder = new PacketDecoder();
    this._waiting = new Map(); // id of an acknowledgement → {resolve, reject}
    this._lastId = 0;
    this._engine = new Engine(url, {
      headers,
      query,
      onMessage: (message) => this._receive(message),
      onClose: (reason) => this._end(reason),
    });
  }

  // Resolves with the id of the connection. Raises a RefusedError, or an Error with the reason.
  async connect() {
    const connected = new Promise((resolve, reject) => (this._connecting = { resolve, reject }));
    connected.catch(() => {}); // reported below, and not at all if the session cannot be opened
    const packet = { type: CONNECT, namespace: this.namespace, data: this._auth };
    await this._engine.open(encodePacket(packet)[0]);
    const deadline = setTimeout(
      () => this._drop("the namespace did not respond in time"),
      CONNECT_TIMEOUT,
    );
    try {
      return await connected;
    } finally {
      clearTimeout(deadline);
    }
  }

  // Emits an event, and resolves with the list of values of its acknowledgement.
  emit(name, values, timeout) {
    if (!this._isOpen) return Promise.reject(new Error("the socket is not connected"));
    this._lastId += 1;
    const id = this._lastId;
    return new Promise((resolve, reject) => {
      const late = () => this._settle(id).reject(new Error("no acknowledgement in time"));
      const deadline = setTimeout(late, timeout);
      this._waiting.set(id, { resolve, reject, deadline });
      this._send({ type: EVENT, id, data: [name, ...values] });
    });
  }

  disconnect() {
    if (this._isOpen) this._send({ type: DISCONNECT });
    this._drop("disconnected");
  }

  _send(packet) {
    for (const message of encodePacket({ namespace: this.namespace, ...packet })) {
      this._engine.send(message);
    }
  }

  _receive(message) {
    let packet;
    try {
      packet = checked(this._decoder.add(message));
    } catch (error) {
      this._drop(`the server violated the protocol: ${error.message}`);
      return;
    }
    if (packet?.namespace === this.namespace) this._handle(packet);
  }

  _handle({ type, id, data }) {
    if (type === CONNECT) {
      this._isOpen = true;
      this._connecting.resolve(data?.sid);
    } else if (type === CONNECT_ERROR) {
      this._connecting.reject(new RefusedError(data?.message ?? "refused", data?.data));
      this._engine.close();
    } else if (type === EVENT) {
      const [name, ...values] = data;
      const acknowledge = (...given) => this._send({ type: ACK, id, data: given });
      this._onEvent({ name, values, acknowledge: id === undefined ? undefined : acknowledge });
    } else if (type === ACK) {
      this._settle(id)?.resolve(data);
    } else if (type === DISCONNECT) {
      this._drop("the server disconnected this socket");
    }
  }

  _settle(id) {
    const waiting = this._waiting.get(id);
    this._waiting.delete(id);
    clearTimeout(waiting?.deadline);
    return waiting;
  }

  _drop(reason) {
    this._end(reason);
    this._engine.close();
  }

  _end(reason) {
    const wasOpen = this._isOpen;
    this._isOpen = false;
    this._connecting?.reject(new Error(reason));
    for (const id of [...this._waiting.keys()]) this._settle(id).reject(new Error(reason));
    if (wasOpen) this._onClose(reason);
  }
}

function checked(packet) {
  const isList = Array.isArray(packet?.data);
  if (packet?.type === EVENT && !(isList && typeof packet.data[0] === "string")) {
    throw new Error("an event without a name");
  }
  if (packet?.type === ACK && !isList) throw new Error("an acknowledgement without values");
  return packet;
}
