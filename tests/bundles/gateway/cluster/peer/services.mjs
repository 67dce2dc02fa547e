// The services of a peer. In 0.14 and 0.15 they differ only in the place of the request's stream.

import { consumed, produced } from "./streams.mjs";

class OutOfStockError extends Error {
  constructor(message, data) {
    super(message);
    this.name = "OutOfStockError";
    this.code = 409;
    this.type = "OUT_OF_STOCK";
    this.data = data;
  }
}

const streamOf = {
  0.14: (ctx) => ctx.params,
  0.15: (ctx) => ctx.stream,
};

function contextOf(ctx) {
  const { id, level, caller, nodeID, requestID, parentID, meta } = ctx;
  return { id, level, caller, nodeID, requestID, parentID, meta };
}

// `received` is called with each event, and with the notes of some actions.
export function servicesOf(version, { Errors }, received) {
  const of = streamOf[version];

  function note(ctx, handler) {
    const { eventName, eventType, eventGroups, params } = ctx;
    received({ handler, name: eventName, type: eventType, groups: eventGroups, payload: params, ...contextOf(ctx) });
  }

  return [
    {
      name: "math",
      actions: {
        add: {
          visibility: "published",
          params: { a: "number", b: "number" },
          handler: (ctx) => ctx.params.a + ctx.params.b,
        },
        div(ctx) {
          const { a, b } = ctx.params;
          if (b !== 0) return a / b;
          throw new Errors.MoleculerClientError("Division by zero", 422, "DIV_ZERO", { a, b });
        },
      },
    },
    {
      name: "errors",
      actions: {
        retryable(ctx) {
          received({ handler: "errors.retryable", name: "started", payload: ctx.params });
          throw new Errors.MoleculerRetryableError("Try again", 503, "BUSY", ctx.params);
        },
        server(ctx) {
          throw new Errors.MoleculerServerError("Out of order", 500, "BROKEN", ctx.params);
        },
        client(ctx) {
          throw new Errors.MoleculerClientError("Not like this", 400, "WRONG", ctx.params);
        },
        validation() {
          throw new Errors.ValidationError("Not valid", "ODD", [{ type: "odd", field: "a" }]);
        },
        missing: (ctx) => ctx.call("no.such.action"),
        plain: () => undefined.property,
        custom(ctx) {
          throw new OutOfStockError("None is left", ctx.params);
        },
        text() {
          throw "only a text"; // a thrown value may be of any type
        },
      },
    },
    {
      name: "meta",
      actions: {
        // Returns the received meta. Then sets the keys of the parameter `set`.
        echo(ctx) {
          const came = { ...ctx.meta };
          Object.assign(ctx.meta, ctx.params.set);
          return came;
        },
        // Sets the keys, and fails.
        fail(ctx) {
          Object.assign(ctx.meta, ctx.params.set);
          throw new Errors.MoleculerClientError("After the meta", 400, "AFTER", null);
        },
      },
    },
    {
      name: "ctx",
      actions: { info: (ctx) => ({ ...contextOf(ctx), timeout: ctx.options.timeout }) },
    },
    {
      name: "values",
      actions: {
        echo: (ctx) => ctx.params,
        nothing() {},
        halfAnEmoji: () => "\u{1F600}".slice(0, 1),
        node: (ctx) => ctx.broker.nodeID,
      },
    },
    {
      name: "nested",
      actions: {
        // Returns the result of `action`, with the meta after the call.
        async call(ctx) {
          const { action, params, options } = ctx.params;
          return { result: await ctx.call(action, params, options), ...contextOf(ctx) };
        },
        emit: (ctx) => ctx.emit(ctx.params.event, ctx.params.data, ctx.params.options),
        broadcast: (ctx) => ctx.broadcast(ctx.params.event, ctx.params.data, ctx.params.options),
      },
    },
    {
      name: "slow",
      actions: {
        async wait(ctx) {
          received({ handler: "slow.wait", name: "started", payload: ctx.params });
          await new Promise((resolve) => setTimeout(resolve, ctx.params.ms));
          return ctx.broker.nodeID;
        },
      },
    },
    {
      name: "streams",
      actions: {
        async up(ctx) {
          const params = version === "0.14" ? null : ctx.params;
          const meta = { ...ctx.meta };
          const seen = { ...(await consumed(of(ctx))), params, meta };
          received({ handler: "streams.up", name: "read", payload: seen });
          return seen;
        },
        down: (ctx) => produced(ctx.params),
        echo: of,
        // Fails before it has read the stream.
        refuse() {
          throw new Errors.MoleculerClientError("No streams", 415, "NO_STREAMS", null);
        },
      },
    },
    {
      name: "listener",
      events: {
        "user.*": (ctx) => note(ctx, "user.*"),
        "order.created": (ctx) => note(ctx, "order.created"),
        "order.paid": { group: "payments", handler: (ctx) => note(ctx, "payments") },
      },
    },
    { name: "mailer", events: { "order.created": { group: "mail", handler: (ctx) => note(ctx, "mail") } } },
    {
      name: "watcher",
      events: {
        "$node.connected"(ctx) {
          received({ handler: "$node", name: "connected", payload: ctx.params.node.id });
        },
        "$node.disconnected"(ctx) {
          const { node, unexpected } = ctx.params;
          received({ handler: "$node", name: "disconnected", payload: node.id, unexpected });
        },
      },
    },
  ];
}
