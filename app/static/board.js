// The board. It asks over the socket with the same names that HTTP has, and draws what the
// answers and the events of other windows say.

import { io } from "/static/socket.io-client.js";

const PATIENCE = 10_000; // milliseconds until an answer counts as lost

const element = (id) => document.getElementById(id);
const [state, form, title, problem] = ["state", "add", "title", "problem"].map(element);
const [list, empty, count, row] = ["tasks", "empty", "count", "row"].map(element);
const rows = new Map(); // id of a task → its <li>

const socket = io();

// -- asking ----------------------------------------------------------------------------------

async function ask(event, argument) {
  const answer = await socket.timeout(PATIENCE).emitWithAck(event, argument);
  if (answer.statusCode < 400) return answer.content;
  const details = (answer.errors ?? []).map(({ path, message }) => `${path} ${message}`);
  throw new Error([answer.message, ...details].join(": "));
}

// Runs one thing that a person did; what goes wrong is shown, and true is returned otherwise.
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
  item.querySelector("button").setAttribute("aria-label", `Delete ${task.title}`);
  summarize();
}

function add(id) {
  const item = row.content.cloneNode(true).querySelector("li");
  const box = item.querySelector("input");
  box.addEventListener("change", async () => {
    const done = box.checked;
    const change = () => ask("task_change", { params: { id }, body: { done } });
    if (!(await attempt(async () => draw(await change())))) box.checked = !done;
  });
  item.querySelector("button").addEventListener("click", () =>
    attempt(async () => {
      await ask("task_delete", { params: { id } });
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

// -- listening -------------------------------------------------------------------------------

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = { title: title.value };
  form.reset(); // now and not with the answer: by then the next title may be half typed
  const isAdded = await attempt(async () => draw(await ask("task_create", { body })));
  if (!isAdded) title.value ||= body.title;
});

socket.on("task_created", draw);
socket.on("task_changed", draw);
socket.on("task_deleted", ({ id }) => remove(id));

// Also after every reconnection: what happened in between is in the list.
socket.on("connect", () =>
  attempt(async () => {
    const tasks = await ask("task_list");
    const ids = new Set(tasks.map(({ id }) => id));
    [...rows.keys()].filter((id) => !ids.has(id)).forEach(remove);
    tasks.forEach(draw);
    summarize();
    show("live", "Live");
  }),
);
socket.on("disconnect", () => show("offline", "Offline, trying again…"));
socket.on("connect_error", () => show("offline", "Offline, trying again…"));
