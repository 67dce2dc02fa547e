// The log of the socket console: one line for each thing that happened, with its time.

import { valueLine, valueView } from "./binary.js";
import { element } from "./elements.js";
import { onSubmit } from "./fields.js";
import { jsonField } from "./json_field.js";

const LONGEST = 500; // lines
const KINDS = {
  connected: "connected",
  sent: "→ sent",
  acknowledged: "← acknowledged",
  pushed: "← pushed",
  error: "! notice",
};

export class EventLog {
  constructor() {
    this._list = element("ol", {});
    this._empty = element("p", { class: "hint" }, "Nothing has happened yet.");
    this.element = element(
      "div",
      { class: "log", role: "log", "aria-label": "Events", tabindex: 0 },
      this._empty,
      this._list,
    );
  }

  // Adds {kind, namespace, title, value, acknowledge} to the end.
  add(line) {
    const isAtEnd = this._isAtEnd();
    this._list.append(lineOf(line));
    while (this._list.children.length > LONGEST) this._list.firstChild.remove();
    this._empty.hidden = true;
    if (isAtEnd) this.element.scrollTop = this.element.scrollHeight;
  }

  clear() {
    this._list.replaceChildren();
    this._empty.hidden = false;
  }

  _isAtEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    return scrollHeight - scrollTop - clientHeight < 40;
  }
}

function lineOf({ kind, namespace, title, value, acknowledge }) {
  const now = new Date();
  return element(
    "li",
    { "data-kind": kind },
    element("time", { datetime: now.toISOString() }, clockTime(now)),
    element("span", { class: "kind" }, KINDS[kind]),
    element("span", { class: "where" }, namespace),
    element("strong", {}, title),
    value !== undefined && valueDetails(value, kind === "pushed"),
    acknowledge && acknowledgeForm(acknowledge),
  );
}

function valueDetails(value, isOpen) {
  const summary = element(
    "summary",
    {},
    element("code", { class: "if-closed" }, valueLine(value)),
    element("span", { class: "if-open" }, "Value"),
  );
  if (isOpen) return element("details", { open: true }, summary, valueView(value));
  const details = element("details", {}, summary);
  details.addEventListener("toggle", () => details.append(...valueView(value)), { once: true });
  return details;
}

// The server waits for an acknowledgement of this event.
function acknowledgeForm(acknowledge) {
  const field = jsonField({ label: "The server waits for an acknowledgement", example: null });
  const problem = element("p", { class: "problem", role: "alert", hidden: true });
  const button = element("button", {}, "Acknowledge");
  const form = element("form", {}, field.element, button, problem);
  onSubmit(form, problem, async () => {
    acknowledge(await field.value());
    form.replaceWith(element("p", { class: "hint" }, "Acknowledged"));
  });
  return form;
}

function clockTime(date) {
  const two = (number) => String(number).padStart(2, "0");
  const milliseconds = String(date.getMilliseconds()).padStart(3, "0");
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two);
  return `${parts.join(":")}.${milliseconds}`;
}
