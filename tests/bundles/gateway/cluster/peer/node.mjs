// A node of a Moleculer cluster: node node.mjs <configuration as JSON>
//
// The configuration is {"version": "0.14" | "0.15", "transporter": {...}, "nodeID": "...",
// "options": {options of the broker}, "services": [names in services.mjs]}.
// Commands come in as lines of JSON, {"id": 1, "command": "call", "args": {...}}. Replies,
// {"id": 1, "reply": {...}}, received events, {"received": {...}}, and the log of the broker,
// {"log": {...}}, go out as lines of JSON. At the end of its input the broker stops, and the process ends.

import { createRequire } from "node:module";
import readline from "node:readline";

import { servicesOf } from "./services.mjs";
import { consumed, isStream, produced } from "./streams.mjs";

const configuration = JSON.parse(process.argv[2]);
const packages = { "0.14": "moleculer", "0.15": "moleculer-0.15" };
const moleculer = createRequire(import.meta.url)(packages[configuration.version]);

function print(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

class Lines extends moleculer.Loggers.Base {
  getLogHandler(bindings) {
    const order = ["fatal", "error", "warn", "info", "debug", "trace"];
    const shown = order.indexOf(this.getLogLevel(bindings.mod));
    return (level, args) => {
      if (order.indexOf(level) > shown) return;
      const text = args.map((arg) => (arg instanceof Error ? `${arg.name}: ${arg.message}` : arg));
      print({ log: { level, module: bindings.mod, text: text.map(asText).join(" ") } });
    };
  }
}

function asText(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

const broker = new moleculer.ServiceBroker({
  nodeID: configuration.nodeID,
  transporter: configuration.transporter,
  ...configuration.options,
  logger: new Lines({ level: configuration.options.logLevel ?? "warn" }),
});
for (const service of servicesOf(configuration.version, moleculer, (event) => {
  print({ received: event });
})) {
  if (configuration.services.includes(service.name)) broker.createService(service);
}

// All fields of an error that a caller can see, with the names of its classes.
function described(error) {
  const classes = [];
  for (let of = Object.getPrototypeOf(error); of !== null; of = Object.getPrototypeOf(of)) {
    classes.push(of.constructor.name);
  }
  const { name, message, code, type, data, nodeID, retryable, stack } = error;
  return { name, message, code, type, data, nodeID, retryable, stack, classes };
}

// Without a result, or with an undefined one, the reply has no key `result`.
const commands = {
  async call({ action, params, options = {}, stream }) {
    const source = stream && produced(stream);
    const sent = configuration.version === "0.14" && source ? source : params;
    const all = configuration.version === "0.15" && source ? { ...options, stream: source } : options;
    const promise = broker.call(action, sent, all);
    try {
      const result = await promise;
      const value = isStream(result) ? { stream: await consumed(result) } : { result };
      return { ...value, meta: promise.ctx?.meta };
    } catch (error) {
      return { error: described(error), meta: promise.ctx?.meta };
    }
  },
  async emit({ event, data, options }) {
    await broker.emit(event, data, options);
    return {};
  },
  async broadcast({ event, data, options }) {
    await broker.broadcast(event, data, options);
    return {};
  },
  // The known actions, with their nodes.
  async actions() {
    const known = broker.registry.getActionList({ onlyAvailable: true, withEndpoints: true });
    return { result: known.map(({ name, endpoints }) => [name, endpoints.map((it) => it.nodeID)]) };
  },
  async ping({ nodeID, timeout }) {
    return { result: await broker.ping(nodeID, timeout) };
  },
};

const input = readline.createInterface({ input: process.stdin });
input.on("line", (line) => {
  const { id, command, args } = JSON.parse(line);
  commands[command](args).then(
    (reply) => print({ id, reply }),
    (error) => print({ id, failed: error.stack }),
  );
});
input.on("close", async () => {
  await broker.stop();
  process.exit(0);
});

await broker.start();
print({ ready: true });
