// A process of Node with Moleculer's cacher in Redis: node cachers.mjs <url> <calls as JSON>
//
// A call is [action, params, meta]. Prints the results.

import moleculer from "moleculer";

const [url, calls] = process.argv.slice(2);
const broker = new moleculer.ServiceBroker({
  logger: false,
  cacher: { type: "Redis", options: { redis: url, maxParamsLength: 100 } },
});

broker.createService({
  name: "prices",
  actions: {
    sum: { cache: true, handler: (ctx) => ({ by: "node", total: ctx.params.a + ctx.params.b }) },
    all: { cache: { keys: [] }, handler: () => ({ by: "node", total: 0 }) },
    find: {
      cache: { keys: ["item.id", "currency", "#user.id"] },
      handler: () => ({ by: "node", total: 1 }),
    },
  },
});
broker.createService({
  name: "prices",
  version: 2,
  actions: { text: { cache: { keys: ["text"] }, handler: () => ({ by: "node", total: 2 }) } },
});

await broker.start();
await broker.cacher.client.ping(); // before the connection, calls are not cached
const results = [];
for (const [action, params, meta] of JSON.parse(calls)) {
  results.push(await broker.call(action, params, { meta }));
}
await broker.cacher.client.ping(); // entries are written after the calls
await broker.stop();
console.log(JSON.stringify(results));
