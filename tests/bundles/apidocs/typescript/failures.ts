// Timeouts, aborted calls, servers that do not listen, and tokens, over one transport.

import { createClient, type Transport } from "./client.js";
import { failure, report, transport as chosen, url } from "./report.js";

const transport = chosen as Transport;
const client = createClient({ url, transport, timeout: 20_000 });
const nowhere = createClient({ url: "http://127.0.0.1:9", transport });
const token = createClient({ url, transport, token: "abc", auth: { name: "Ada" } });
let count = 0;
const changing = createClient({
  url,
  transport,
  token: async () => `token${++count}`,
});
const failing = createClient({
  url,
  transport,
  token: () => {
    throw new Error("no token today");
  },
});
const hanging = createClient({ url, transport, timeout: 50, token: () => new Promise(() => {}) });

const controller = new AbortController();
const aborted = failure(client.slow({}, { signal: controller.signal }));
setTimeout(() => controller.abort(new Error("enough")), 50);

const closing = createClient({ url, transport: "socket" });
const closed = failure(closing.hello());
closing.close();

report({
  timeout: await failure(client.slow({}, { timeout: 50 })),
  aborted: await aborted,
  before: await failure(client.slow({}, { signal: AbortSignal.abort(new Error("early")) })),
  nowhere: await failure(nowhere.hello()),
  token: await token.token(),
  changing: await changing.token(),
  hanging: await failure(hanging.token()),
  failing: await failure(failing.token()),
  closed: await closed,
  reopened: await closing.hello(),
  other: await client.hello({}, { transport: transport === "http" ? "socket" : "http" }),
  // @ts-expect-error: the operation has one transport only.
  wrong: await failure(client.delete({}, { transport: "socket" })),
});
for (const each of [client, nowhere, token, changing, hanging, failing, closing]) each.close();
