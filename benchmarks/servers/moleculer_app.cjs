// moleculer-io, all options default: node moleculer_app.cjs DIRECTORY_OF_NODE_MODULES

const { createServer } = require("node:http");
const { createRequire } = require("node:module");
const { join } = require("node:path");

const load = createRequire(join(process.argv[2], "package.json"));
const { ServiceBroker } = load("moleculer");

const http = createServer();
const broker = new ServiceBroker({ logger: false });

broker.createService({
  name: "math",
  actions: {
    add: {
      params: { a: "number", b: "number" },
      handler: (context) => context.params.a + context.params.b,
    },
  },
});

broker.createService({
  name: "io",
  mixins: [load("moleculer-io")],
  created() {
    this.initSocketIO(http);
  },
});

broker.start().then(() =>
  http.listen(0, "127.0.0.1", () => {
    console.log(`Listening on http://127.0.0.1:${http.address().port}`);
  }),
);

process.on("SIGTERM", () => broker.stop().then(() => process.exit(0)));
