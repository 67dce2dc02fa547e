// Shows the health of the server, as it sends it to the namespace /admin.

import { io } from "/socket.io-client.js";

const element = (id) => document.getElementById(id);
const [state, problem, health] = ["state", "problem", "health"].map(element);
let socket = null;

element("open").addEventListener("submit", (event) => {
  event.preventDefault();
  socket?.close();
  problem.hidden = true;
  socket = io("/admin", { auth: { key: element("key").value }, forceNew: true });
  socket.on("connect", () => (state.textContent = "Live"));
  socket.on("disconnect", () => (state.textContent = "Not connected"));
  socket.on("connect_error", (error) => {
    problem.textContent = error.message;
    problem.hidden = false;
  });
  socket.on("health_update", draw);
});

function draw(sample) {
  const lines = Object.entries(sample).flatMap(([name, value]) => {
    const term = document.createElement("dt");
    const detail = document.createElement("dd");
    term.textContent = name;
    detail.textContent = String(value);
    return [term, detail];
  });
  health.replaceChildren(...lines);
}
