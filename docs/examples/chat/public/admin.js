// Shows the health of the server, as it sends it to the namespace /admin.

import { io } from "/socket.io-client.js";

const element = (id) => document.getElementById(id);
const [state, problem, health, key] = ["state", "problem", "health", "key"].map(element);

const socket = io("/admin", {
  autoConnect: false,
  auth: (send) => send({ key: key.value }), // called for each attempt to connect
});

element("open").addEventListener("submit", (event) => {
  event.preventDefault();
  problem.hidden = true;
  if (!socket.connected) socket.connect();
});

socket.on("connect", () => (state.textContent = "Live"));
socket.on("disconnect", () => (state.textContent = "Not connected"));
socket.on("connect_error", (error) => {
  problem.textContent = error.message;
  problem.hidden = false;
});
socket.on("health_update", (sample) => {
  const lines = Object.entries(sample).flatMap(([name, value]) => {
    const term = document.createElement("dt");
    const detail = document.createElement("dd");
    term.textContent = name;
    detail.textContent = String(value);
    return [term, detail];
  });
  health.replaceChildren(...lines);
});
