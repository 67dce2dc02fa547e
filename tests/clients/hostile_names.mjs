// `emit` of the client refuses the names that the client uses itself, so packets are sent without it.

import { connect, report } from "./client.mjs";

const EVENT = 2;

function emitRaw(socket, data) {
  return new Promise((resolve) => {
    const id = socket.ids++;
    socket.acks[id] = resolve;
    socket.packet({ type: EVENT, id, data, options: {} });
  });
}

const socket = await connect();
const witness = await connect();
const names = [
  "on_connect", "trigger_event", "emit", "message", "*", "", "\u0000",
  "__class__", "__init__", "__proto__", "constructor", "toString", "/chat:say", "x".repeat(65536),
];
const answers = [];
for (const name of names) {
  const { statusCode, message } = await emitRaw(socket, [name, { body: name }]);
  const { content } = await socket.emitWithAck("echo", "next");
  answers.push({ name: name.slice(0, 20), statusCode, length: message.length, content });
}
report({
  answers,
  stayed: socket.connected && witness.connected,
  witness: await witness.emitWithAck("echo", "untouched"),
});
