// The real socket.io-client: events for a user reach all its sockets, and no other.

import { connect, report } from "../../clients/client.mjs";

const [, , , , token] = process.argv;
const sockets = [await connect("/", { auth: { token } }), await connect("/", {})];
let received = 0;
for (const socket of sockets) socket.on("note", () => (received += 1));

async function notes() {
  const pusher = sockets[0];
  received = 0;
  for (let time = 0; time < 2; time += 1) await pusher.emitWithAck("push", { params: { to: "ada" } });
  // packets keep their order, so earlier notes have arrived with the acknowledgement
  for (const socket of sockets) await socket.emitWithAck("whoami", {});
  return received;
}

const connected = await notes(); // one socket, two notes
await sockets[1].emitWithAck("security_authenticate", { params: { bearer: token } });
const authenticated = (await notes()) / 2; // two sockets
await sockets[1].emitWithAck("security_unauthenticate", {});
report({ connected, authenticated, anonymous: (await notes()) / 2 });
