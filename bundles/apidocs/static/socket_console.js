// The console beside the entries: connects to namespaces, and shows what happens there.

import { element, replaceChildren, uniqueId } from "./elements.js";
import { EventLog } from "./event_log.js";
import { FieldError } from "./fields.js";
import { namespaceForm } from "./namespace_form.js";
import { SocketSessions } from "./socket_sessions.js";

// *namespaces* is a list of {namespace, parameters, resolve}.
export function socketConsole({ url, credentials, namespaces }) {
  const log = new EventLog();
  const sessions = new SocketSessions({ url, credentials, log: (line) => log.add(line) });
  const title = uniqueId("console");
  return {
    sessions,
    element: element(
      "section",
      { class: "console", "aria-labelledby": title },
      element("h2", { id: title }, "Socket console"),
      connectForm(namespaces, sessions),
      openConnections(sessions),
      element(
        "div",
        { class: "log-head" },
        element("h3", {}, "Log"),
        element("button", { type: "button", onclick: () => log.clear() }, "Clear log"),
      ),
      log.element,
    ),
  };
}

function connectForm(namespaces, sessions) {
  const id = uniqueId("namespace");
  const place = element("div", {});
  const problem = element("p", { class: "problem", role: "alert", hidden: true });
  let current;
  const show = (index) => {
    current = namespaceForm(namespaces[index]);
    replaceChildren(place, current.elements);
  };
  const select = element(
    "select",
    { id, onchange: () => show(Number(select.value)) },
    namespaces.map(({ namespace }, index) => element("option", { value: index }, namespace)),
  );
  show(0);
  return element(
    "form",
    {
      "aria-label": "Connect to a namespace",
      onsubmit: (event) => {
        event.preventDefault();
        problem.hidden = true;
        connect(sessions, current, problem);
      },
    },
    element("p", { class: "field" }, element("label", { for: id }, "Namespace"), select),
    place,
    element("button", { class: "primary" }, "Connect"),
    problem,
  );
}

async function connect(sessions, form, problem) {
  try {
    await sessions.connect(form.read());
  } catch (error) {
    problem.textContent =
      error instanceof FieldError ? error.message : `Not connected: ${error.message}`;
    problem.hidden = false;
  }
}

function openConnections(sessions) {
  const list = element("ul", { class: "connections", "aria-label": "Open connections" });
  const state = element("p", { class: "state", role: "status" });
  const update = () => {
    const open = sessions.namespaces;
    state.textContent = open.length ? `Connected to ${open.join(", ")}` : "Not connected";
    state.dataset.state = open.length ? "live" : "offline";
    replaceChildren(
      list,
      open.map((namespace) => connectionRow(namespace, sessions)),
    );
  };
  sessions.onChange(update);
  update();
  return [state, list];
}

function connectionRow(namespace, sessions) {
  return element(
    "li",
    {},
    element("code", {}, namespace),
    element(
      "button",
      {
        type: "button",
        onclick: () => sessions.disconnect(namespace),
        "aria-label": `Disconnect ${namespace}`,
      },
      "Disconnect",
    ),
  );
}
