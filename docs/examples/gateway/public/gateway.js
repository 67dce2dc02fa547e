// The page of the gateway. Texts of users are only ever set as `textContent`, never as HTML.

const TIMEOUT = 10_000; // milliseconds

const element = (id) => document.getElementById(id);
const [state, problem, result, user, log] = ["state", "problem", "result", "user", "log"].map(element);
const [members, messages, files] = ["members", "messages", "files"].map(element);
let room = null;

// -- calls -----------------------------------------------------------------------------------

// Sends an event and returns the second argument of its acknowledgement; the first is an error.
function send(event, ...args) {
  return new Promise((resolve, reject) => {
    socket.timeout(TIMEOUT).emit(event, ...args, (timeout, error, value) => {
      note("ack", ...(error ? [error] : [null, value]));
      if (timeout || error) reject(timeout ?? error);
      else resolve(value);
    });
  });
}

const call = (action, params) => send("call", action, params);

// Runs what a person did, and shows the error if it fails.
async function attempt(action) {
  problem.hidden = true;
  try {
    await action();
  } catch (error) {
    problem.textContent = error.code ? `${error.message} (${error.code})` : error.message;
    problem.hidden = false;
  }
}

// `action` gets the fields of the form and the button that was pressed.
function on(form, action) {
  element(form).addEventListener("submit", (event) => {
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(event.target));
    attempt(() => action(fields, event.submitter.value, event.target));
  });
}

// -- drawing ---------------------------------------------------------------------------------

function item(text) {
  const line = document.createElement("li");
  line.textContent = text;
  return line;
}

function note(...values) {
  log.prepend(item(values.map((value) => (typeof value === "string" ? value : JSON.stringify(value))).join(" ")));
}

const drawMembers = (names) => members.replaceChildren(...names.map(item));

function drawUser(found) {
  user.textContent = found ? found.name : "nobody";
}

async function drawFiles() {
  const list = await call("files.list");
  files.replaceChildren(...list.map(({ name, by, size }) => item(`${name}: ${size} bytes of ${by}`)));
}

function enter(name, names) {
  room = name;
  messages.replaceChildren();
  drawMembers(names);
}

// -- what a person does ----------------------------------------------------------------------

on("math", async ({ a, b }, action) => {
  result.textContent = "";
  result.textContent = await call(action, { a: Number(a), b: Number(b) });
});
on("login", async (fields, _, form) => {
  drawUser(await call("accounts.login", fields));
  form.reset();
});
element("logout").addEventListener("click", () =>
  attempt(async () => {
    await call("accounts.logout");
    drawUser(null);
    enter(null, []);
  }),
);
on("room", async ({ room: name }, action) => {
  if (action === "rooms.leave") {
    await call(action, { room: name });
    if (name === room) enter(null, []);
  } else {
    const names = await call(action, { room: name });
    if (room !== null && room !== name) await call("rooms.leave", { room });
    enter(name, names);
  }
});
on("say", async ({ text }, _, form) => {
  await call("rooms.say", { room: room ?? "", text });
  form.reset();
});
on("upload", async ({ file }, _, form) => {
  await send("upload", { name: file.name }, await file.arrayBuffer());
  form.reset();
  await drawFiles();
});

// -- what the server sends -------------------------------------------------------------------

const client = await import("/socket.io-client.js").catch(() => null);
if (client === null) {
  state.textContent = "socket.io-client is missing: run npm install socket.io-client";
  throw new Error(state.textContent);
}
const { url } = await (await fetch("/sockets.json")).json();
const socket = client.io(url ?? location.origin);

socket.on("connect", () =>
  attempt(async () => {
    // After a lost connection the client is a new one: without a user, and in no room.
    enter(null, []);
    drawUser(await call("accounts.me"));
    await drawFiles();
    state.textContent = "Live";
  }),
);
socket.on("disconnect", () => (state.textContent = "Not connected"));
socket.on("connect_error", (error) => (state.textContent = `Not connected: ${error.message}`));
socket.onAny((event, ...args) => note(event, ...args));
socket.on("said", ({ room: where, name, text }) => {
  if (where === room) messages.append(item(`${name}: ${text}`));
});
socket.on("members", ({ room: where, members: names }) => {
  if (where === room) drawMembers(names);
});
