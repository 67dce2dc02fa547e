// Loses the transport, once with missed events and once without, and once on purpose.

import { next, open, report } from "./client.mjs";

const socket = open("/", { reconnectionDelay: 20, reconnectionDelayMax: 100 });
const events = [];
socket.onAny((event, ...args) => events.push([event, ...args.slice(0, -1)]));
const ids = [];
socket.on("connect", () => ids.push([socket.id, socket.recovered]));

async function loses(act) {
  const connected = next(socket, "connect");
  act();
  await connected;
}

await next(socket, "connect");
await socket.emitWithAck("enter", { body: "room" });
await loses(() => socket.io.engine.close()); // the client has not received an event yet
await socket.emitWithAck("say", { body: [1, 2] });
await loses(() => {
  socket.emit("lose", { body: [3, 4] }); // the server closes the transport, then sends
});
const last = next(socket, "last");
await socket.emitWithAck("say", { body: [5] });
await socket.emitWithAck("finish", {});
await last;
await loses(() => {
  socket.disconnect();
  socket.connect();
});
report({ ids, events });
