// Loads, calls, fails, listens and reconnects with the npm client of Metacom, and prints a report.

import { once } from "node:events";
import { Metacom } from "metacom";

const [, , url] = process.argv;
const metacom = Metacom.create(url, { reconnectTimeout: 20 });
const { api } = metacom;

// The message and the code of the error that `call` is rejected with.
const failure = (call) => call.then(() => null, ({ message, code }) => [message, code]);

await metacom.load("example", "versioned", "versioned.1", "auth", "counter", "fail", "nope");

const units = Object.fromEntries(
  Object.entries(api).map(([unit, methods]) => [
    unit,
    Object.keys(methods).filter((name) => typeof methods[name] === "function").sort(),
  ]),
);
const delays = Array.from({ length: 20 }, (_, index) => (20 - index) * 5);

const result = {
  units,
  hello: await api.example.hello(),
  added: await api.example.add({ a: 2, b: 3 }),
  echo: await api.example.echo({ text: "ж", list: [1, null, { deep: true }] }),
  values: await Promise.all(
    [false, 0, null, ""].map((value) => api.example.value({ value })),
  ),
  versions: [await api.versioned.hello(), await api["versioned.1"].hello()],
  parallel: await Promise.all(delays.map((milliseconds) => api.example.wait({ milliseconds }))),
  failures: [
    await failure(metacom.scaffold("example")("nope")()),
    await failure(metacom.scaffold("__proto__")("x")()),
    await failure(metacom.scaffold("versioned")("only1")()),
    await failure(api.example.add({ a: 1 })),
    await failure(api.example.add(null)),
    await failure(api.fail.returned({ way: "code 10" })),
    await failure(api.fail.raised({ way: "without code" })),
    await failure(api.counter.add()),
  ],
};

if (url.startsWith("ws")) {
  const order = [];
  api.example.on("message", (data) => order.push(data));
  api.example.on("*", (...values) => order.push(values));
  order.push(await api.example.notify());
  result.order = order;

  const token = await api.auth.sign_in({ name: "ada" });
  const counts = [await api.counter.add()];
  const again = Promise.all([once(metacom, "close"), once(metacom, "open")]);
  api.example.drop().catch(() => {}); // it has no callback
  await again;
  const lost = await failure(api.counter.add());
  counts.push(await api.auth.restore({ token }), await api.counter.add());
  result.reconnected = { counts, lost };
} else {
  result.event = await failure(api.example.notify());
}

process.stdout.write(JSON.stringify(result), () => process.exit(0));
