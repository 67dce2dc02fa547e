// What every script here begins with: the real socket.io-client, and a way to report.

import { io } from "socket.io-client";

const [, , url, transport = "websocket"] = process.argv;

// A socket of its own to `namespace`, over the transport that the test asked for.
export function open(namespace = "/", options = {}) {
  return io(url + namespace, { transports: [transport], forceNew: true, ...options });
}

// The arguments of the next such event of `socket`: one value as it is, else an array.
export function next(socket, event) {
  return new Promise((resolve) =>
    socket.once(event, (...values) => resolve(values.length > 1 ? values : values[0])),
  );
}

// A socket that is connected already.
export async function connect(namespace, options) {
  const socket = open(namespace, options);
  await next(socket, "connect");
  return socket;
}

// Print `result` for the test, and end, whatever is still open.
export function report(result) {
  process.stdout.write(JSON.stringify(result), () => process.exit(0));
}
