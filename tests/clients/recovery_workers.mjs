// A client that loses its transport ten times, and reconnects to any worker.

import { connect, next, open, report } from "./client.mjs";

const speaker = await connect("/");
const socket = open("/", { reconnectionDelay: 10, reconnectionDelayMax: 20 });
const said = [];
socket.on("said", (number) => said.push(number));
await next(socket, "connect");
const [id, workers, recovered] = [socket.id, new Set(), []];
for (let number = 0; number < 10; number++) {
  workers.add(socket.io.engine.id.split(".")[0]);
  const connected = next(socket, "connect");
  socket.io.engine.close();
  await speaker.emitWithAck("say", { body: number });
  await connected;
  recovered.push(socket.recovered && socket.id === id);
}
const last = next(socket, "last");
await speaker.emitWithAck("finish", {});
await last;
report({ workers: workers.size, recovered, said });
