// moleculer-io on Node, with the services of site.py: node server.mjs

import { createServer } from "node:http";

import moleculer from "moleculer";
import Gateway from "moleculer-io";

const { ServiceBroker, Errors } = moleculer;
const { MoleculerError, MoleculerClientError, MoleculerRetryableError } = Errors;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const math = {
  name: "math",
  actions: {
    add: {
      params: { a: "number", b: "number" },
      handler: (ctx) => ctx.params.a + ctx.params.b,
    },
    div(ctx) {
      const { a, b } = ctx.params;
      if (b === 0) throw new MoleculerClientError("division by zero", 422, "DIV_ZERO", { a });
      return a / b;
    },
  },
};

const power = { name: "math.adv", actions: { pow: (ctx) => ctx.params.a ** ctx.params.b } };

const versioned = { name: "math", version: 2, actions: { add: () => "version 2" } };

const plainName = {
  name: "plain",
  settings: { $noServiceNamePrefix: true },
  actions: { mathXadd: () => "mathXadd" },
};

let release;
const released = new Promise((resolve) => (release = resolve));

const greeter = {
  name: "greeter",
  actions: {
    hello: () => "Hello",
    echo: (ctx) => ctx.params,
    nothing() {},
    reverse: (ctx) => Buffer.from(ctx.params.data).reverse(),
    wait: () => released,
    release() {
      release("released");
    },
    async slow(ctx) {
      await sleep(ctx.params.milliseconds);
      return "slow";
    },
  },
};

class TeapotError extends Error {
  constructor() {
    super("short and stout");
    this.name = "TeapotError";
    this.code = 418;
    this.type = "TEAPOT";
    this.statusCode = 418;
    this.secret = "never sent";
  }
}

function circle() {
  const value = {};
  value.self = value;
  return value;
}

let attempts = 0;

const errors = {
  name: "errors",
  actions: {
    moleculer() {
      throw new MoleculerError("message", 567, "TYPE", { d: 1 });
    },
    client() {
      throw new MoleculerClientError("not like this");
    },
    plain() {
      throw new Error("the password is in this text");
    },
    teapot() {
      throw new TeapotError();
    },
    circularData() {
      throw new MoleculerError("circular", 500, "CIRCULAR", circle());
    },
    circularResult: circle,
    flaky(ctx) {
      attempts += 1;
      throw new MoleculerRetryableError(`attempt ${attempts}`, 500, "FLAKY");
    },
    attempts() {
      const number = attempts;
      attempts = 0;
      return number;
    },
  },
};

const cellar = {
  name: "cellar",
  actions: Object.fromEntries(
    ["published", "public", "protected", "private"].map((visibility) => [
      visibility,
      { visibility, handler: () => visibility },
    ]),
  ),
};

let number = 0;

const counter = {
  name: "counter",
  actions: {
    bump() {
      number += 1;
    },
    get: () => number,
  },
};

const accounts = {
  name: "accounts",
  actions: {
    login(ctx) {
      ctx.meta.user = { name: ctx.params.name };
      if (ctx.params.password !== "right")
        throw new MoleculerClientError("wrong password", 401, "WRONG_PASSWORD");
      return "welcome";
    },
    logout(ctx) {
      ctx.meta.user = null;
    },
    whoami: (ctx) => ctx.meta.user ?? null,
    meta: (ctx) => ({
      user: ctx.meta.user ?? null,
      rooms: ctx.meta.$rooms ?? null,
      id: ctx.meta.$socketId ?? null,
      tenant: ctx.meta.tenant ?? null,
      stamp: ctx.meta.stamp ?? null,
    }),
  },
};

const rooms = {
  name: "rooms",
  actions: {
    move(ctx) {
      ctx.meta.$join = ctx.params.join;
      ctx.meta.$leave = ctx.params.leave;
      if (ctx.params.fail) throw new MoleculerClientError("did not move");
      return ctx.meta.$rooms;
    },
    nested: (ctx) => ctx.call("rooms.move", ctx.params),
    get: (ctx) => ctx.meta.$rooms,
    say: (ctx) => ctx.call("io.broadcast", ctx.params),
    clients: (ctx) => ctx.call("io.getClients", ctx.params),
  },
};

const heard = [];

const news = {
  name: "news",
  actions: {
    async emit(ctx) {
      heard.length = 0;
      await ctx.emit(ctx.params.event, ctx.params.payload);
      return heard.sort();
    },
    async broadcast(ctx) {
      heard.length = 0;
      await ctx.broadcast(ctx.params.event, ctx.params.payload);
      return heard.sort();
    },
  },
  events: {
    "news.*": (ctx) => void heard.push(`news ${ctx.eventName} ${ctx.params}`),
    "news.created": { group: "mail", handler: (ctx) => void heard.push(`mail ${ctx.params}`) },
  },
};

const order = [];

const steps = {
  name: "steps",
  actions: {
    run(ctx) {
      order.push(`action ${JSON.stringify(ctx.params)} ${ctx.meta.stamp}`);
      return "ran";
    },
    take: () => order.splice(0),
  },
};

function fence(acknowledge) {
  acknowledge(null);
}

function beforeCall(ctx, socket, action, params, options) {
  order.push(`before ${action}`);
  ctx.meta.stamp = "stamped";
  if (params.refuse) throw new MoleculerClientError("refused by the hook", 403, "REFUSED");
  if (params.user) ctx.meta.user = { name: params.user };
  if (params.timeout) options.timeout = 50;
  params.seen = true;
}

function afterCall(ctx, socket, result) {
  order.push(`after ${JSON.stringify(result)}`);
  if (result === "ran") return "replaced";
  if (result === 1) return 0;
  if (result === 2) throw new MoleculerClientError("after the call", 409, "AFTER");
}

const http = createServer();

const gateway = {
  name: "io",
  mixins: [Gateway],
  settings: {
    io: {
      namespaces: {
        "/": {
          events: {
            call: {},
            listed: { whitelist: ["math.*", /^greeter\.(hello|echo)$/] },
            nothing_listed: { whitelist: [] },
            general_pattern: { whitelist: ["*.add"] },
            repeated_pattern: { whitelist: [/^math\./g] },
            any_depth: { whitelist: ["math.**"] },
            aliased: { aliases: { add: "math.add", "greeter.hello": "math.div" } },
            aliased_and_listed: {
              aliases: { hello: "greeter.hello" },
              whitelist: ["greeter.hello"],
            },
            restricted: { aliases: { add: "math.add" }, mappingPolicy: "restrict" },
            no_aliases: { mappingPolicy: "restrict" },
            quick: { callOptions: { timeout: 50 } },
            patient: { callOptions: { timeout: 60000 } },
            fallback: { callOptions: { timeout: 50, fallbackResponse: "fallback" } },
            false_fallback: { callOptions: { fallbackResponse: false } },
            computed_fallback: {
              callOptions: { fallbackResponse: (ctx, error) => `instead of ${error.type}` },
            },
            retried: { callOptions: { retries: 2 } },
            with_meta: { callOptions: { meta: { tenant: "t1" } } },
            hooked: { onBeforeCall: beforeCall, onAfterCall: afterCall },
            upload(file, content, acknowledge) {
              acknowledge(null, { ...file, size: content.length, id: this.id });
            },
            upload_by_action(file, content, acknowledge) {
              this.$service.broker
                .call("greeter.reverse", { data: content })
                .then((result) => acknowledge(null, result));
            },
            broken_handler() {
              throw new MoleculerClientError("this handler fails", 400, "BROKEN");
            },
            fence,
          },
        },
        "/admin": {
          authorization: true,
          middlewares: [
            (socket, next) => {
              if (!socket.handshake.auth.banned) return next();
              next(Object.assign(new Error("banned"), { data: { until: "noon" } }));
            },
          ],
          packetMiddlewares: [
            (packet, next) => {
              if (packet[1] === "math.sum") packet[1] = "math.add";
              if (packet[1] === "math.secret")
                return next(new MoleculerClientError("refused packet", 403, "REFUSED"));
              if (packet[0] !== "fence") order.push(`packet ${packet[0]}`);
              next();
            },
          ],
          events: {
            adminCall: { onBeforeCall: beforeCall, onAfterCall: afterCall },
            call: { whitelist: ["accounts.*", "rooms.*"] },
            fence,
          },
        },
      },
    },
  },
  methods: {
    async socketAuthorize(socket) {
      const { token } = socket.handshake.auth;
      if (token === "good") return { name: "Ada" };
      if (token === "empty") return Promise.reject();
      if (token === undefined) return null;
      const error = new MoleculerClientError("Unauthorized", 401, "UNAUTHORIZED");
      throw Object.assign(error, { data: { reason: "unknown token" } });
    },
  },
  created() {
    this.initSocketIO(http);
  },
};

const broker = new ServiceBroker({
  nodeID: "node-1",
  logger: false,
  skipProcessEventRegistration: true,
  retryPolicy: { enabled: true, retries: 0 },
});
const services = [math, power, versioned, plainName, greeter, errors, cellar, counter];
for (const service of [...services, accounts, rooms, news, steps]) broker.createService(service);
const { io } = broker.createService(gateway);

// Node ends the process after such an error. This process reports it and continues.
process.on("uncaughtException", (error) => io.emit("crashed", error.message));
process.on("SIGTERM", () => broker.stop().then(() => process.exit(0)));

await broker.start();
http.listen(0, "127.0.0.1", () => {
  console.log(`Listening on http://127.0.0.1:${http.address().port}`);
});
