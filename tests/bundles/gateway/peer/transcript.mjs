// Runs every step against a gateway and prints the transcript as JSON: node transcript.mjs URL
//
// A step has the arguments of its acknowledgement, or null without one, and the events that any
// socket received meanwhile. The ids of sockets are replaced by names.

import { io } from "socket.io-client";

const [, , url] = process.argv;
const PATIENCE = 20_000; // milliseconds for one acknowledgement
const FENCES = 5; // round trips after which an acknowledgement does not come any more

const sockets = {}; // by name
const names = new Map(); // of sockets, by id
const transcript = [];
let events = [];

function plain(value) {
  if (ArrayBuffer.isView(value)) return { binary: Buffer.from(value).toString("hex") };
  if (value instanceof ArrayBuffer) return { binary: Buffer.from(value).toString("hex") };
  if (typeof value === "string") return names.get(value) ?? value;
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, part]) => [key, plain(part)]));
}

const ask = (socket, ...args) =>
  new Promise((resolve, reject) => {
    const last = transcript.at(-1)?.step;
    const text = `no acknowledgement of ${JSON.stringify(args)} after the step "${last}"`;
    const failed = () => reject(new Error(text));
    const timer = setTimeout(failed, PATIENCE);
    socket.emit(...args, (...values) => {
      clearTimeout(timer);
      resolve(values);
    });
  });

// Wait until all earlier packets to the sockets have arrived.
async function fence() {
  for (const socket of Object.values(sockets)) if (socket.connected) await ask(socket, "fence");
}

function record(step, rest) {
  const heard = events.map(([name, ...event]) => [name, ...event.map(plain)]);
  events = [];
  transcript.push({ step, ...plain(rest), events: heard.sort() });
}

// The step `title` emits `args` on the socket `name`.
async function step(title, name, ...args) {
  const ack = await ask(sockets[name], ...args);
  await fence();
  record(title, { ack });
}

// The same for a step that may not be acknowledged.
async function unsure(title, name, ...args) {
  let ack = null;
  sockets[name].emit(...args, (...values) => (ack = values));
  for (let turn = 0; turn < FENCES; turn++) await fence();
  record(title, { ack });
}

async function silent(title, name, ...args) {
  sockets[name].emit(...args);
  for (let turn = 0; turn < FENCES; turn++) await fence();
  record(title, {});
}

async function connect(title, name, namespace, auth = {}) {
  const options = { transports: ["websocket"], forceNew: true, reconnection: false, auth };
  const socket = io(url + namespace, options);
  const refusal = await new Promise((resolve) => {
    socket.once("connect", () => resolve(null));
    socket.once("connect_error", (error) =>
      resolve({ message: error.message, data: error.data ?? null }),
    );
  });
  if (refusal === null) {
    sockets[name] = socket;
    names.set(socket.id, `<${name}>`);
    socket.onAny((...event) => events.push([name, ...event]));
  }
  record(title, { refusal });
}

async function calls() {
  await step("add", "ann", "call", "math.add", { a: 1, b: 2 });
  await step("version", "ann", "call", "v2.math.add", {});
  await step("no parameters", "ann", "call", "greeter.hello");
  await step("null parameters", "ann", "call", "greeter.hello", null);
  await step("no result", "ann", "call", "greeter.nothing");
  await step("binary", "ann", "call", "greeter.reverse", { data: Buffer.from([1, 2, 255]) });
  const values = [null, 0, 1.5, false, "", "text", [1, [2]], {}, { a: { b: null } }];
  for (const value of values) {
    await step(`echo ${JSON.stringify(value)}`, "ann", "call", "greeter.echo", value);
  }
  await step("binary parameters", "ann", "call", "greeter.echo", Buffer.from([0, 255]));
  await step("number as action", "ann", "call", 222, "wtf");
  await step("null as action", "ann", "call", null, {});
  await step("object as action", "ann", "call", { name: "math.add" }, {});
  await unsure("only an acknowledgement", "ann", "call");
  await step("unknown action", "ann", "call", "nope.nope");
  await step("unknown action of a service", "ann", "call", "math.nope", {});
  await step("empty name", "ann", "call", "");
  await silent("without acknowledgement", "ann", "call", "counter.bump");
  await silent("not a function at the end", "ann", "call", "counter.bump", {}, "no function");
  await step("both have run", "ann", "call", "counter.get");
  await silent("error without acknowledgement", "ann", "call", "errors.plain");
  await silent("without arguments", "ann", "call");
  await unsure("unknown event", "ann", "there is no such event", {});
  await unsure("name of a method as event", "ann", "constructor", {});
  await parallel();
}

// Later calls end before an earlier one.
async function parallel() {
  const waiting = ask(sockets.ann, "call", "greeter.wait");
  await step("while a call runs", "ann", "call", "greeter.hello");
  await step("release it", "ann", "call", "greeter.release");
  record("the call that waited", { ack: await waiting });
}

async function failures() {
  await step("missing parameter", "ann", "call", "math.add", { a: 1 });
  await step("wrong type", "ann", "call", "math.add", { a: 1, b: "2" });
  await step("null for an object", "ann", "call", "math.add", null);
  await step("error with data", "ann", "call", "math.div", { a: 1, b: 0 });
  await step("error with all fields", "ann", "call", "errors.moleculer");
  await step("error with defaults", "ann", "call", "errors.client");
  await step("plain error", "ann", "call", "errors.plain");
  await step("error of another class", "ann", "call", "errors.teapot");
  await step("circular result", "ann", "call", "errors.circularResult");
  await unsure("circular data of an error", "ann", "call", "errors.circularData");
  await step("alive", "ann", "call", "greeter.hello");
}

async function exposure() {
  for (const visibility of ["published", "public", "protected", "private"]) {
    await step(`visibility ${visibility}`, "ann", "call", `cellar.${visibility}`);
  }
  await step("private action of the gateway", "ann", "call", "io.call", {});
  await step("broadcast by a client", "ann", "call", "io.broadcast", { event: "spoofed" });
  const health = await ask(sockets.ann, "call", "$node.health");
  record("introspection by a client", { refused: health.length === 1 });
  await step("listed by a pattern", "ann", "listed", "math.add", { a: 1, b: 2 });
  await step("listed by an expression", "ann", "listed", "greeter.echo", { a: 1 });
  await step("deeper than the pattern", "ann", "listed", "math.adv.pow", { a: 2, b: 3 });
  await step("not listed", "ann", "listed", "greeter.nothing");
  await step("unknown and not listed", "ann", "listed", "nope.nope");
  await step("empty list", "ann", "nothing_listed", "math.add", { a: 1, b: 2 });
  await step("any depth, one level", "ann", "any_depth", "math.add", { a: 1, b: 2 });
  await step("any depth, two levels", "ann", "any_depth", "math.adv.pow", { a: 2, b: 3 });
  await step("pattern that begins with *", "ann", "general_pattern", "math.add", { a: 1, b: 2 });
  await step("its dot is a dot", "ann", "general_pattern", "mathXadd");
  for (const turn of [1, 2, 3]) {
    await step(`expression, call ${turn}`, "ann", "repeated_pattern", "math.add", { a: 1, b: 2 });
  }
}

async function mapping() {
  await step("alias", "ann", "aliased", "add", { a: 1, b: 2 });
  await step("name with an alias", "ann", "aliased", "math.add", { a: 1, b: 2 });
  await step("alias that is a name", "ann", "aliased", "greeter.hello", { a: 1, b: 4 });
  await step("unknown alias", "ann", "aliased", "subtract", {});
  for (const name of ["constructor", "__proto__", "toString"]) {
    await step(`alias ${name}`, "ann", "aliased", name, {});
  }
  await step("alias of a listed action", "ann", "aliased_and_listed", "hello");
  await step("restricted, alias", "ann", "restricted", "add", { a: 1, b: 2 });
  await step("restricted, name", "ann", "restricted", "math.add", { a: 1, b: 2 });
  await step("restricted, no aliases", "ann", "no_aliases", "math.add", { a: 1, b: 2 });
}

async function options() {
  await step("timeout", "ann", "quick", "greeter.slow", { milliseconds: 2000 });
  await step("within the timeout", "ann", "patient", "greeter.hello");
  await step("fallback after an error", "ann", "fallback", "errors.moleculer");
  await step("fallback after a timeout", "ann", "fallback", "greeter.slow", { milliseconds: 2000 });
  await step("no fallback for an unknown action", "ann", "fallback", "nope.nope");
  await step("fallback that is false", "ann", "false_fallback", "errors.moleculer");
  await step("computed fallback", "ann", "computed_fallback", "errors.moleculer");
  await step("retries", "ann", "retried", "errors.flaky");
  await step("attempts", "ann", "call", "errors.attempts");
  await step("no retry", "ann", "call", "errors.flaky");
  await step("one attempt", "ann", "call", "errors.attempts");
  await step("not retried", "ann", "retried", "errors.client");
}

async function meta() {
  await step("anonymous", "ann", "call", "accounts.whoami");
  await step("failed login", "ann", "call", "accounts.login", { name: "Ann", password: "wrong" });
  await step("still anonymous", "ann", "call", "accounts.whoami");
  await step("login", "ann", "call", "accounts.login", { name: "Ann", password: "right" });
  await step("logged in", "ann", "call", "accounts.meta");
  await step("by another event", "ann", "listed", "greeter.hello");
  await step("meta of the options", "ann", "with_meta", "accounts.meta");
  await step("after meta of the options", "ann", "call", "accounts.whoami");
  await step("another socket", "bob", "call", "accounts.whoami");
  await step("login again", "ann", "call", "accounts.login", { name: "Ann", password: "right" });
  await step("logout", "ann", "call", "accounts.logout");
  await step("logged out", "ann", "call", "accounts.whoami");
}

async function rooms() {
  const clients = (room) => step(`clients of ${room}`, "bob", "call", "rooms.clients", { room });
  const move = (title, params) => step(title, "ann", "call", "rooms.move", params);
  await step("rooms at first", "ann", "call", "rooms.get");
  await move("join tea", { join: "tea" });
  await move("join milk", { join: "milk" });
  await step("in both", "ann", "call", "rooms.get");
  await clients("tea");
  await move("leave tea", { leave: "tea" });
  await step("in milk", "ann", "call", "rooms.get");
  await step("tea is empty", "bob", "call", "rooms.clients", { room: "tea" });
  await move("join and leave", { join: ["tea", "sugar"], leave: ["tea", "nowhere"] });
  await step("in milk and sugar", "ann", "call", "rooms.get");
  await move("join and fail", { join: "tea", fail: true });
  await move("empty lists", { join: [], leave: "" });
  await step("join in a nested call", "ann", "call", "rooms.nested", { join: "nest" });
  await clients("nest");
  await step("bob joins", "bob", "call", "rooms.move", { join: "milk" });
  await clients("milk");
  const say = (title, params) => step(title, "ann", "call", "rooms.say", params);
  await say("to everyone", { event: "news", args: [1, { two: 2 }] });
  await say("to everyone without arguments", { event: "news" });
  await say("to a room", { event: "news", args: ["sugar"], rooms: ["sugar"] });
  await say("to two rooms", { event: "news", args: ["both"], rooms: ["milk", "sugar"] });
  await say("to an unknown room", { event: "news", args: ["no"], rooms: ["nowhere"] });
  await say("to no room", { event: "news", args: ["none"], rooms: [] });
  await say("to one socket", { event: "news", args: ["one"], rooms: [sockets.bob.id] });
  await say("volatile", { event: "news", volatile: true, local: true });
  await say("binary to everyone", { event: "news", args: [Buffer.from([7])] });
  await say("to a namespace", { event: "news", args: ["admin"], namespace: "/admin" });
  await say("without an event", { args: [1] });
  await say("rooms that are a string", { event: "news", rooms: "tea" });
  await step("clients without a room", "bob", "call", "rooms.clients", {});
  await step("clients of a namespace", "bob", "call", "rooms.clients", {
    room: sockets.ada.id,
    namespace: "/admin",
  });
}

async function brokerEvents() {
  await step("event", "ann", "call", "news.emit", { event: "news.created", payload: 1 });
  await step("event, one handler", "ann", "call", "news.emit", { event: "news.old", payload: 2 });
  await step("event, none", "ann", "call", "news.emit", { event: "old.news", payload: 3 });
  await step("broadcast", "ann", "call", "news.broadcast", { event: "news.created", payload: 4 });
}

async function hooks() {
  const take = (title) => step(title, "ann", "call", "steps.take");
  const hooked = (title, ...args) => step(title, "ann", "hooked", ...args);
  await hooked("hooks", "steps.run", { a: 1 });
  await take("order of hooks");
  await hooked("before refuses", "steps.run", { refuse: true });
  await take("order after a refusal");
  await hooked("unknown action has no hooks", "nope.nope", {});
  await hooked("failing action", "errors.client", {});
  await hooked("before changes the options", "greeter.slow", { timeout: true, milliseconds: 2000 });
  await hooked("result 0 of after", "math.add", { a: 0, b: 1 });
  await hooked("after fails", "math.add", { a: 1, b: 1 });
  await take("order at the end");
  await hooked("user of before", "accounts.whoami", { user: "Hook" });
  await step("it is stored", "ann", "call", "accounts.whoami");
  await step("logout at the end", "ann", "call", "accounts.logout");
  await take("order with a user");
}

async function handlers() {
  const file = { name: "a.txt", type: "text/plain" };
  await step("upload", "ann", "upload", file, Buffer.from("content"));
  await step("upload by an action", "ann", "upload_by_action", file, Buffer.from([1, 2]));
  await unsure("failing handler", "ann", "broken_handler");
  await step("alive after it", "ann", "call", "greeter.hello");
}

async function admin() {
  await connect("good token", "ada", "/admin", { token: "good" });
  await connect("bad token", "eve", "/admin", { token: "bad" });
  await connect("refused with nothing", "eva", "/admin", { token: "empty" });
  await connect("no token", "guest", "/admin");
  await connect("refused by a middleware", "ban", "/admin", { token: "good", banned: true });
  await connect("refused there, admitted here", "ban2", "/", { banned: true });
  await connect("unknown namespace", "ghost", "/ghost");
  await step("user of the authorizer", "ada", "adminCall", "accounts.whoami", {});
  await step("by the other event", "ada", "call", "accounts.meta");
  await step("not listed for it", "ada", "call", "math.add", { a: 1, b: 2 });
  await step("without hooks", "guest", "call", "accounts.whoami");
  await step("order of packets", "ann", "call", "steps.take");
  await step("rewritten packet", "ada", "adminCall", "math.sum", { a: 1, b: 2 });
  await unsure("refused packet", "ada", "adminCall", "math.secret", {});
  await step("order with a packet", "ada", "adminCall", "steps.take", {});
  await step("unknown event there", "ada", "adminCall", "nope.nope", {});
  await namespacesOfOneConnection();
}

// The user of one namespace is not the user of another one, although both have one connection.
async function namespacesOfOneConnection() {
  const other = sockets.ada.io.socket("/"); // connects automatically
  await new Promise((resolve) => other.once("connect", resolve));
  record("user of another namespace", { ack: await ask(other, "call", "accounts.whoami") });
  other.disconnect();
}

await connect("connect", "ann", "/");
await connect("connect another", "bob", "/");
await calls();
await failures();
await exposure();
await mapping();
await options();
await meta();
await admin();
await rooms();
await brokerEvents();
await hooks();
await handlers();
for (const socket of Object.values(sockets)) socket.disconnect();
process.stdout.write(JSON.stringify(transcript));
