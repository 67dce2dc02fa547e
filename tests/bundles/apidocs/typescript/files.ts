// Uploads, forms, streams and downloads, over HTTP.

import { createClient } from "./client.js";
import { failure, report, url } from "./report.js";

const client = createClient({ url, transport: "socket" });
const passport = new File(["GIF"], "a.gif", { type: "image/gif" });
const passengers = [{ name: "Ada", passport }, { name: "Bob" }];

const booked = await client.bookingAdd({ body: { city: "Rome", passengers, tags: ["x", "y"] } });
const photo = new File(["12345"], "sea.jpg");
const numbers = await client.numberStream();
const reader = (numbers.body as ReadableStream<Uint8Array>).getReader();
let text = "";
for (let part = await reader.read(); !part.done; part = await reader.read()) {
  text += new TextDecoder().decode(part.value);
}
const source = await client.sourceFile();
const stream = new Blob(["1234567"]).stream();

report({
  booked,
  photo: await client.photoAdd({ params: { title: "Sea & sand" }, body: { photo } }),
  login: await client.login({ body: { name: "Ada", remember: true } }),
  path: await client.filePath({
    params: { path: "a/b c/ü?.txt" },
    headers: { "x-token": "secret" },
  }),
  dots: await failure(
    client.filePath({ params: { path: "a/../b" }, headers: { "x-token": "secret" } }),
  ),
  streamed: await client.streamLength({ body: stream }),
  blob: await client.streamLength({ body: new Blob(["123"]) }),
  bytes: await client.streamLength({ body: new Uint8Array(4) }),
  text,
  type: numbers.headers.get("Content-Type"),
  disposition: source.headers.get("Content-Disposition"),
  size: (await source.blob()).size,
});
client.close();
