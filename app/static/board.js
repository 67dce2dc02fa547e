// The board. It sends events with the names of the routes, and shows the responses and the events
// of other windows. Sign-in and sign-out are HTTP requests, since they change the cookie.

import { io } from "/static/socket.io-client.js";

const TIMEOUT = 10_000; // milliseconds

const element = (id) => document.getElementById(id);
const [state, form, title, problem] = ["state", "add", "title", "problem"].map(element);
const [list, empty, count, row] = ["tasks", "empty", "count", "row"].map(element);
const [signIn, signOut, account, privately] = ["sign-in", "sign-out", "account", "private"].map(
  element,
);
const rows = new Map(); // id of a task → its <li>

const socket = io();
const otherWindows = new BroadcastChannel("board"); // of this browser, which share the cookie

// -- requests --------------------------------------------------------------------------------

async function send(event, argument) {
  const response = await socket.timeout(TIMEOUT).emitWithAck(event, argument);
  if (response.statusCode < 400) return response.content;
  throw failure(response);
}

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT),
  });
  if (!response.ok) throw failure(await response.json());
}

// An error has the same body over both transports.
function failure({ message, errors = [] }) {
  return new Error([message, ...errors.map((error) => `${error.path} ${error.message}`)].join(": "));
}

// Runs what a person did, and shows the error if it fails. Returns whether it succeeded.
async function attempt(action) {
  problem.hidden = true;
  try {
    await action();
    return true;
  } catch (error) {
    problem.textContent = `That did not work: ${error.message}`;
    problem.hidden = false;
    return false;
  }
}

// -- drawing ---------------------------------------------------------------------------------

function draw(task) {
  const item = rows.get(task.id) ?? add(task.id);
  item.querySelector("input").checked = task.done;
  item.querySelector("span").textContent = task.title;
  item.querySelector("small").textContent = task.owner ? "Private" : "";
  item.querySelector("button").setAttribute("aria-label", `Delete ${task.title}`);
  summarize();
}

function add(id) {
  const item = row.content.cloneNode(true).querySelector("li");
  const box = item.querySelector("input");
  box.addEventListener("change", async () => {
    const done = box.checked;
    const change = () => send("task_change", { params: { id }, body: { done } });
    if (!(await attempt(async () => draw(await change())))) box.checked = !done;
  });
  item.querySelector("button").addEventListener("click", () =>
    attempt(async () => {
      await send("task_delete", { params: { id } });
      remove(id);
    }),
  );
  item.dataset.id = id;
  const later = [...list.children].find((other) => Number(other.dataset.id) > id);
  list.insertBefore(item, later ?? null);
  rows.set(id, item);
  return item;
}

function remove(id) {
  const item = rows.get(id);
  if (!item) return;
  const next = item.nextElementSibling ?? item.previousElementSibling;
  const hadFocus = item.contains(document.activeElement);
  item.remove();
  rows.delete(id);
  if (hadFocus) (next?.querySelector("button") ?? title).focus();
  summarize();
}

function summarize() {
  const done = list.querySelectorAll("input:checked").length;
  count.textContent = rows.size ? `${done} of ${rows.size} done` : "";
  empty.hidden = rows.size > 0;
}

function show(name, text) {
  state.dataset.state = name;
  state.textContent = text;
  form.querySelector("button").disabled = name !== "live";
  for (const control of list.querySelectorAll("input, button")) {
    control.disabled = name !== "live";
  }
}

function showAccount(profile) {
  signIn.hidden = Boolean(profile);
  signOut.hidden = privately.hidden = !profile;
  account.textContent = profile?.username ?? "";
}

// -- listening -------------------------------------------------------------------------------

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = { title: title.value };
  const isPrivate = !privately.hidden && privately.querySelector("input").checked;
  title.value = ""; // now, not after the response: by then the next title may be half typed
  const name = isPrivate ? "task_create_private" : "task_create";
  const isAdded = await attempt(async () => draw(await send(name, { body })));
  if (!isAdded) title.value ||= body.title;
});

signIn.addEventListener("submit", async (event) => {
  event.preventDefault();
  const path = event.submitter.value;
  const session = path === "/security/login" ? { session: true } : {};
  const [username, password] = [element("username").value, element("password").value];
  const isSignedIn = await attempt(() => post(path, { username, password, ...session }));
  if (!isSignedIn) return;
  signIn.reset();
  otherWindows.postMessage("signed in");
  reconnect();
});
otherWindows.addEventListener("message", reconnect);

// A socket has the account that its cookie had when it was opened.
function reconnect() {
  socket.disconnect().connect();
}

signOut.addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(() => post("/security/logout", {}));
});

socket.on("task_created", draw);
socket.on("task_changed", draw);
socket.on("task_deleted", ({ id }) => remove(id));

// Also after each reconnection: the list contains what has changed meanwhile.
socket.on("connect", () =>
  attempt(async () => {
    showAccount(await send("account_show"));
    const tasks = await send("task_list");
    const ids = new Set(tasks.map(({ id }) => id));
    [...rows.keys()].filter((id) => !ids.has(id)).forEach(remove);
    tasks.forEach(draw);
    summarize();
    show("live", "Live");
  }),
);
socket.on("disconnect", (reason) => {
  show("offline", "Offline, trying again…");
  // The server has closed it, since its session has ended: go on without an account.
  if (reason === "io server disconnect") socket.connect();
});
socket.on("connect_error", () => show("offline", "Offline, trying again…"));
