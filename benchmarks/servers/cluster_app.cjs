// The nodes of cluster_app.py with Moleculer, all options default:
// NATS_URL=nats://… node cluster_app.cjs MODULE callee|caller

const { createServer } = require("node:http");

const [, , module_, nodeID] = process.argv;
const { ServiceBroker } = require(module_);

const broker = new ServiceBroker({
  nodeID,
  namespace: module_,
  transporter: process.env.NATS_URL,
  logger: false,
});

if (nodeID === "callee") {
  broker.createService({
    name: "math",
    actions: {
      add: {
        params: { a: "number", b: "number" },
        handler: (context) => context.params.a + context.params.b,
      },
    },
  });
}

const some = async (number) => {
  for (let turn = 0; turn < number; turn++) {
    await broker.call("math.add", { a: turn, b: 2 });
  }
};

const http = createServer((request, response) => {
  const [number, inFlight] = request.url.split("/").slice(2).map(Number);
  const each = Math.floor(number / inFlight);
  Promise.all(Array.from({ length: inFlight }, () => some(each))).then(
    () => response.end(String(number)),
    (error) => response.writeHead(500).end(String(error)),
  );
});

broker.start().then(() =>
  http.listen(0, "127.0.0.1", () => {
    console.log(`Listening on http://127.0.0.1:${http.address().port}`);
  }),
);

process.on("SIGTERM", () => broker.stop().then(() => process.exit(0)));
