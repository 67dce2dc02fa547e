// The open sockets of this page, one for each namespace.

import { RefusedError, SocketConnection } from "./socket_client.js";

const ACKNOWLEDGED_WITHIN = 20_000; // milliseconds

export class SocketSessions {
  // *log* gets {kind, namespace, title, value, acknowledge} for everything that happens.
  constructor({ url, credentials, log }) {
    this._url = url;
    this._credentials = credentials;
    this._log = log;
    this._opening = new Map(); // namespace → promise of its connection
    this._open = new Map(); // namespace → its connection
    this._listeners = [];
    credentials.onChange(() => this._remindOfCredentials());
  }

  get namespaces() {
    return [...this._open.keys()];
  }

  onChange(listener) {
    this._listeners.push(listener);
  }

  // Connects, unless the namespace is connected. Raises the error that it logs.
  connect(namespace) {
    let opening = this._opening.get(namespace);
    if (!opening) {
      opening = this._connect(namespace);
      this._opening.set(namespace, opening);
    }
    return opening;
  }

  disconnect(namespace) {
    this._open.get(namespace)?.disconnect();
  }

  // Emits an event, and connects before if necessary. Resolves with the values of the
  // acknowledgement and the time in milliseconds.
  async emit(namespace, name, values) {
    const connection = await this.connect(namespace);
    this._log({ kind: "sent", namespace, title: name, value: values[0] });
    const began = performance.now();
    try {
      const acknowledged = await connection.emit(name, values, ACKNOWLEDGED_WITHIN);
      const milliseconds = performance.now() - began;
      this._log({ kind: "acknowledged", namespace, title: name, value: onlyValue(acknowledged) });
      return { values: acknowledged, milliseconds };
    } catch (error) {
      this._log({ kind: "error", namespace, title: `${name}: ${error.message}` });
      throw error;
    }
  }

  async _connect(namespace) {
    const connection = new SocketConnection({
      url: this._url,
      namespace,
      ...this._credentials.forHandshake(),
      onEvent: ({ name, values, acknowledge }) =>
        this._log({
          kind: "pushed",
          namespace,
          title: name,
          value: onlyValue(values),
          acknowledge,
        }),
      onClose: (reason) => this._forget(namespace, `Closed: ${reason}. Connect again to go on.`),
    });
    try {
      const id = await connection.connect();
      this._open.set(namespace, connection);
      this._log({ kind: "connected", namespace, title: `Connected with the id ${id}` });
      this._changed();
      return connection;
    } catch (error) {
      const value = error instanceof RefusedError ? error.data : undefined;
      this._forget(namespace, `Not connected: ${error.message}`, value);
      throw error;
    }
  }

  _forget(namespace, title, value) {
    this._opening.delete(namespace);
    this._open.delete(namespace);
    this._log({ kind: "error", namespace, title, value });
    this._changed();
  }

  _remindOfCredentials() {
    for (const namespace of this.namespaces) {
      const title =
        "This socket has its old credentials. Disconnect and connect again to use the new ones.";
      this._log({ kind: "error", namespace, title });
    }
  }

  _changed() {
    for (const listener of this._listeners) listener();
  }
}

function onlyValue(values) {
  return values.length === 1 ? values[0] : values.length ? values : undefined;
}
