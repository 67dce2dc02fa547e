// Pushed events of a namespace with a parameter, and rejected connections.

import { createClient, type Branch } from "./client.js";
import { failure, report, url } from "./report.js";

const client = createClient({ url });
const said: Branch[] = [];
const hear = (branch: Branch): void => void said.push(branch);
const sent = new Promise<Uint8Array>((resolve) => {
  void client.on("/rooms/{room}:sent", resolve, { room: 7 });
});

await client.on("/rooms/{room}:said", hear, { room: 7 });
const answer = await client.say({ params: { room: 7, text: "Tea" } });
const bytes = await sent;
await client.say({ params: { room: 8, text: "elsewhere" } });

// A lost connection is renewed, with its listeners; a call waits for it.
const socket = await client.connect("/rooms/7");
const lost = new Promise((resolve) => socket.once("disconnect", resolve));
socket.io.engine.close();
await lost;
await client.say({ params: { room: 7, text: "Milk" } });

client.off("/rooms/{room}:said", hear, { room: 7 });
await client.say({ params: { room: 7, text: "unheard" } });

const together = await Promise.all(
  [1, 2, 3].map((number) => client.say({ params: { room: "new", text: `${number}` } })),
);

report({
  said,
  answer,
  together,
  bytes: [bytes instanceof Uint8Array, new TextDecoder().decode(bytes)],
  closed: await failure(client.say({ params: { room: "closed", text: "Tea" } })),
  listening: await failure(client.on("/rooms/{room}:said", hear, { room: "closed" })),
  again: await failure(client.say({ params: { room: "closed", text: "Tea" } })),
  invalid: await failure(client.say({ params: { room: "a/b", text: "Tea" } })),
  unknown: await failure(client.connect("/unknown")),
});
client.close();
