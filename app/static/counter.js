// The counter. The server pushes the number when any window has changed it.

import { io } from "/static/socket.io-client.js";

const TIMEOUT = 10_000; // milliseconds

const element = (id) => document.getElementById(id);
const [state, form, value, problem] = ["state", "count", "value", "problem"].map(element);

const socket = io();

async function send(event) {
  const response = await socket.timeout(TIMEOUT).emitWithAck(event, {});
  if (response.statusCode >= 400) throw new Error(response.message);
  return response.content;
}

async function attempt(action) {
  problem.hidden = true;
  try {
    await action();
  } catch (error) {
    problem.textContent = `That did not work: ${error.message}`;
    problem.hidden = false;
  }
}

function show(name, text) {
  state.dataset.state = name;
  state.textContent = text;
  form.querySelector("button").disabled = name !== "live";
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(() => send("counter_increment"));
});

socket.on("counter_changed", (number) => {
  value.textContent = number;
});
socket.on("connect", () =>
  attempt(async () => {
    value.textContent = await send("counter_show");
    show("live", "Live");
  }),
);
socket.on("disconnect", (reason) => {
  show("offline", "Offline, trying again…");
  if (reason === "io server disconnect") socket.connect();
});
socket.on("connect_error", () => show("offline", "Offline, trying again…"));
