// Calls each operation of the gallery that has both transports over one of them.

import { createClient, isErrorOf, type ThingInput, type Transport } from "./client.js";
import { failure, report, transport, url } from "./report.js";

const client = createClient({ url: `${url}/`, transport: transport as Transport });

const thing: ThingInput = {
  size: "large",
  shape: { type: "circle", radius: 1.5 },
  tree: { name: "root", branches: [{ name: "leaf" }] },
  day: "2024-02-29",
  point: [1, null],
  counts: { "__proto__x": 1 },
  data: "YWJj",
};
const echoed = await client.thingEcho({ params: { id: 7, tag: ["a", "b&c"] }, body: thing });
const shape = echoed.shape;
const radius: number = shape.type === "circle" ? shape.radius : shape.side;

const found = await client.search({ params: { text: "a/b ?#ü", limit: 5, tag: ["x", "y"] } });
const nothing: void = await client.thingDelete({ params: { id: 1 } });
const bytes = await client.bytesEcho({ body: new Uint8Array([1, 2, 255]) });
const blob = await client.bytesEcho({ body: new Blob(["ab"]) });

let code = "";
try {
  await client.orderCreate({ params: { amount: 6 } });
} catch (error) {
  if (!isErrorOf("orderCreate", error)) throw error;
  if (error.code === "out_of_stock") code = error.code;
}

report({
  echoed,
  radius,
  found,
  nothing: nothing === undefined,
  bytes: [bytes.constructor.name, ...bytes],
  blob: new TextDecoder().decode(blob),
  hello: [await client.hello(), await client.hello({ params: { name: "Ada" } })],
  maybe: await client.maybe(),
  length: await client.textLength({ body: "four" }),
  order: await client.orderCreate({ params: { amount: 2 } }),
  code,
  names: [
    await client.delete(),
    await client.taskList(),
    await client.taskList2({ params: { delete: 10 } }),
    await client.then_(),
    await client.versionOne({ params: { name: "ü" } }),
    await client.versionTwo({ params: { name: "a" } }),
    await client.same(),
    await client.same2(),
    await client.sameOther(),
    await client.otherHello(),
  ],
  refused: await failure(client.orderCreate({ params: { amount: 9 } })),
  invalid: await failure(client.search({ params: { text: "a", limit: 1000 } })),
});
client.close();
