// A session of Engine.IO (protocol v4) over a WebSocket.

const TIMEOUT = 20_000; // milliseconds, until the session is open
const CLOSE_REASONS = {
  1000: "the server closed the connection",
  1001: "the server is going away",
  1005: "the server closed the connection",
  1006: "the connection was lost",
  1009: "a message was too large",
  1012: "the server restarts",
};

export class Engine {
  // *onMessage* gets the texts and ArrayBuffers of messages, *onClose* the reason, once.
  constructor(url, { headers = [], query = [], onMessage, onClose }) {
    this._url = url;
    this._headers = headers;
    this._query = query;
    this._onMessage = onMessage;
    this._onClose = onClose;
  }

  // Resolves when the session is open and *message* is sent. Raises an Error with the reason
  // otherwise.
  async open(message) {
    const opened = this._headers.length ? await this._openByPolling(message) : null;
    if (this._isClosed) throw new Error("closed by this page");
    await this._openSocket(opened);
    if (!opened) this.send(message);
  }

  send(message) {
    this._socket.send(typeof message === "string" ? `4${message}` : message);
  }

  close() {
    this._finish("closed by this page");
  }

  // A page cannot set the headers of a WebSocket. So requests, which have them, open the session
  // and send the first message; then the session continues over a WebSocket.
  async _openByPolling(message) {
    const opened = JSON.parse((await this._request({})).slice(1));
    await this._request({ sid: opened.sid }, `4${message}`);
    return opened;
  }

  async _request(parameters, body) {
    const address = this._address("http", { transport: "polling", ...parameters });
    const response = await fetch(address, {
      method: body === undefined ? "GET" : "POST",
      headers: this._headers,
      body,
      signal: AbortSignal.timeout(TIMEOUT),
    }).catch(() => {
      throw new Error(noConnection(address));
    });
    const text = await response.text();
    if (!response.ok)
      throw new Error(`the handshake failed with status ${response.status}: ${text}`);
    return text;
  }

  _openSocket(opened) {
    const address = this._address("ws", { transport: "websocket", sid: opened?.sid });
    this._socket = new WebSocket(address);
    this._socket.binaryType = "arraybuffer";
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => fail("the server did not respond in time"), TIMEOUT);
      const fail = (reason) => {
        clearTimeout(deadline);
        this._isClosed = true;
        this._socket.close();
        reject(new Error(reason));
      };
      const ready = (data) => {
        clearTimeout(deadline);
        this._begin(data);
        resolve();
      };
      this._socket.onerror = () => fail(noConnection(address));
      this._socket.onclose = (event) => fail(reasonOf(event));
      this._socket.onopen = () => opened && this._socket.send("2probe");
      this._socket.onmessage = ({ data }) => {
        if (opened && data === "3probe") {
          this._socket.send("5");
          ready(opened);
        } else if (!opened && String(data).startsWith("0")) {
          ready(JSON.parse(data.slice(1)));
        }
      };
    });
  }

  _begin({ pingInterval, pingTimeout }) {
    this._patience = pingInterval + pingTimeout;
    this._expectPing();
    this._socket.onerror = null;
    this._socket.onclose = (event) => this._finish(reasonOf(event));
    this._socket.onmessage = ({ data }) => this._receive(data);
  }

  _receive(data) {
    if (typeof data !== "string") this._onMessage(data);
    else if (data[0] === "2") this._pong(data);
    else if (data[0] === "4") this._onMessage(data.slice(1));
    else if (data[0] === "1") this._finish("the server closed the session");
  }

  _pong(data) {
    this._expectPing();
    this._socket.send(`3${data.slice(1)}`);
  }

  _expectPing() {
    clearTimeout(this._deadline);
    this._deadline = setTimeout(
      () => this._finish("no ping from the server in time"),
      this._patience,
    );
  }

  _finish(reason) {
    if (this._isClosed) return;
    this._isClosed = true;
    clearTimeout(this._deadline);
    this._socket?.close();
    this._onClose(reason);
  }

  _address(scheme, parameters) {
    const url = new URL(this._url);
    url.protocol =
      url.protocol === "https:" || url.protocol === "wss:" ? `${scheme}s:` : `${scheme}:`;
    url.pathname = `${url.pathname.replace(/\/$/, "")}/`;
    const query = { EIO: "4", ...parameters };
    for (const [name, value] of [...this._query, ...Object.entries(query)]) {
      if (value !== undefined) url.searchParams.append(name, value);
    }
    return url;
  }
}

// Browsers do not give a page the reason.
function noConnection({ origin }) {
  return `no connection to ${origin}: the server is not running, or it does not allow this page`;
}

function reasonOf({ code, reason }) {
  const known = CLOSE_REASONS[code] ?? `the connection was closed with code ${code}`;
  return reason ? `${known}: ${reason}` : known;
}
