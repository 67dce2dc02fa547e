// Calls the events of services, which have no envelope.

import { ApiError, createClient, type JoinRoomInput } from "./client.js";
import { failure, report, url } from "./report.js";

/** The error that rejects a call, with the whole body. */
async function bodyOf(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    return error instanceof ApiError ? error.body : String(error);
  }
}

const client = createClient({ url });
const pushed: string[] = [];
await client.on("/chat:joined", (room) => pushed.push(room));

const input: JoinRoomInput = { body: { room: "tea" } };
const joined = await client.joinRoom(input);
const nothing: void = await client.leave();
const bytes = await client.reverse({ body: new Uint8Array([1, 2, 255]) });
const blob = await client.reverse({ body: new Blob(["ab"]) });

const stranger = createClient({ url, token: "stranger" });

report({
  joined,
  pushed,
  nothing: nothing === undefined,
  sent: await client.sendMessage({ body: { text: "hello" } }),
  wrapped: await client.wrap({ body: { params: [1], body: ["x"] } }),
  pages: [await client.page(), await client.page({ body: { limit: 3 } })],
  bytes: [bytes.constructor.name, ...bytes],
  blob: new TextDecoder().decode(blob),
  echoed: [
    await client.echo(),
    await client.echo({ body: { params: { a: 1 }, body: 2 } }),
    await client.echo({ body: { statusCode: 7, content: 1 } }),
    await client.echo({ body: { status: "success", statusCode: 404, message: "a value" } }),
  ],
  said: await client.say({ params: { room: 7 }, body: { text: "Tea" } }),
  posted: [
    await client.postMessage({ body: { text: "tea" } }, { transport: "http" }),
    await client.postMessage({ body: { text: "tea" } }, { transport: "socket" }),
  ],
  unposted: [
    await failure(client.postMessage({ body: { text: "" } }, { transport: "http" })),
    await failure(client.postMessage({ body: { text: "" } }, { transport: "socket" })),
  ],
  counted: await client.count({ params: { start: 3 } }),
  refused: await bodyOf(client.joinRoom({ body: { room: "" } })),
  invalid: await failure(client.joinRoom({ body: { room: "tea", seat: "x" as never } })),
  broken: await failure(client.broken()),
  stranger: await bodyOf(stranger.leave()),
});
client.close();
stranger.close();
