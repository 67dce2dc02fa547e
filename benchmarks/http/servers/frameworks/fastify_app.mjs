// Fastify with JSON schemas for what comes and what goes: node fastify_app.mjs MODULES

import { createRequire } from "node:module";
import { join } from "node:path";

const fastify = createRequire(join(process.argv[2], "package.json"))("fastify");

const { BENCH_PORT, BENCH_REQUEST_LISTENERS, BENCH_RESPONSE_LISTENERS } = process.env;
const HELLO = { hello: "world" };

const text = { type: "string" };
const integer = { type: "integer" };
const object = (properties, required = Object.keys(properties)) => ({
  type: "object",
  properties,
  required,
});
const address = object({ street: text, city: text, code: text });
const item = object({
  id: integer,
  name: text,
  email: text,
  is_active: { type: "boolean" },
  score: { type: "number" },
  tags: { type: "array", items: text },
  address,
});
const answers = (schema) => ({ response: { 200: schema } });

const counted = {};
const app = fastify();
app.decorateRequest("seen", 0);

for (let n = 0; n < Number(BENCH_REQUEST_LISTENERS ?? 0); n += 1)
  app.addHook("onRequest", async (request) => {
    request.seen += 1;
  });
for (let n = 0; n < Number(BENCH_RESPONSE_LISTENERS ?? 0); n += 1)
  app.addHook("onSend", async (request, reply) => {
    counted[reply.statusCode] = (counted[reply.statusCode] ?? 0) + 1;
  });

app.get("/hello", { schema: answers(object({ hello: text })) }, async () => HELLO);
app.get(
  "/items/:id",
  {
    schema: {
      params: object({ id: integer }),
      querystring: object({ q: text, limit: { ...integer, default: 10 } }, ["q"]),
      ...answers(object({ id: integer, q: text, limit: integer })),
    },
  },
  async ({ params, query }) => ({ id: params.id, q: query.q, limit: query.limit }),
);
app.post("/items", { schema: { body: item, ...answers(item) } }, async ({ body }) => body);
app.get("/seen", async ({ seen }) => ({
  seen,
  counted: Object.values(counted).reduce((sum, number) => sum + number, 0),
}));

await app.listen({ port: Number(BENCH_PORT), host: "127.0.0.1" });
process.on("SIGTERM", () => process.exit(0));
