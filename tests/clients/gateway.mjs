// The example docs/examples/gateway: calls, a login by action, rooms, and an upload.

import { connect, next, report } from "./client.mjs";

const ada = await connect();
const grace = await connect();

// The arguments of the acknowledgement: one error, or null and the result.
const send = (socket, event, ...args) =>
  new Promise((resolve) => socket.emit(event, ...args, (...values) => resolve(values)));
const call = (socket, action, params) => send(socket, "call", action, params);

const added = await call(ada, "math.add", { a: 1, b: 2 });
const alias = await call(ada, "add", { a: 1, b: 2 });
const divided = await call(ada, "math.divide", { a: 1, b: 0 });
const invalid = await call(ada, "math.add", { a: 1 });
const hidden = await Promise.all(
  ["files.save", "io.broadcast", "$node.list", "nope"].map((action) => call(ada, action, {})),
);

const nobody = await call(ada, "rooms.join", { room: "tea" });
const wrong = await call(ada, "accounts.login", { name: "ada", password: "nope" });
const login = await call(ada, "accounts.login", { name: "Ada", password: "lovelace" });
const me = [await call(ada, "accounts.me"), await call(grace, "accounts.me")];
await call(grace, "accounts.login", { name: "grace", password: "hopper" });

const joined = await call(ada, "rooms.join", { room: "tea" });
const members = next(ada, "members");
const both = await call(grace, "rooms.join", { room: "tea" });
const seen = await members;
const heard = next(grace, "said");
await call(ada, "rooms.say", { room: "tea", text: "<b>Hello</b>" });
const message = await heard;
const outside = await call(ada, "rooms.say", { room: "rum", text: "Hello" });

const uploaded = await send(ada, "upload", { name: "a.bin" }, Buffer.from([0, 1, 255]));
const noFile = await send(ada, "upload", { name: "a.bin" }, "text");
const files = await call(ada, "files.list");

const left = next(ada, "members");
await call(grace, "rooms.leave", { room: "tea" });
const afterLeave = await left;
const overheard = [];
grace.on("said", (said) => overheard.push(said.text));
await call(ada, "rooms.say", { room: "tea", text: "alone" });

const back = next(ada, "members");
await call(grace, "rooms.join", { room: "tea" });
await back;
const gone = next(ada, "members");
grace.close();
const afterClose = await gone;
const logout = await call(ada, "accounts.logout");
const after = [await call(ada, "accounts.me"), await call(ada, "rooms.say", { room: "tea", text: "x" })];

report({
  added,
  alias,
  divided,
  invalid: [invalid[0].name, invalid[0].data.map(({ field }) => field)],
  hidden: hidden.map(([error]) => [error.code, error.message]),
  nobody: nobody[0].code,
  wrong: wrong[0].type,
  login,
  me,
  joined,
  both,
  seen,
  message,
  outside: outside[0].type,
  uploaded: [uploaded[0], uploaded[1].name, uploaded[1].by, uploaded[1].size, uploaded[1].sha256],
  noFile: noFile[0].type,
  files: files[1].length,
  afterLeave,
  overheard,
  afterClose,
  logout,
  after: [after[0], after[1][0].code],
});
