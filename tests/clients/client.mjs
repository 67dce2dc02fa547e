// Shared by all scripts: the real socket.io-client, and the report for the test.

import { io } from "socket.io-client";

const [, , url, transport = "websocket"] = process.argv;

// A separate socket to `namespace`, over the transport of the test.
export function open(namespace = "/", options = {}) {
  return io(url + namespace, { transports: [transport], forceNew: true, ...options });
}

// The arguments of the next such event of `socket`: a single value, or an array of several.
export function next(socket, event) {
  return new Promise((resolve) =>
    socket.once(event, (...values) => resolve(values.length > 1 ? values : values[0])),
  );
}

// A connected socket.
export async function connect(namespace, options) {
  const socket = open(namespace, options);
  await next(socket, "connect");
  return socket;
}

// Print `result` for the test, and end the process, also with open connections.
export function report(result) {
  process.stdout.write(JSON.stringify(result), () => process.exit(0));
}
