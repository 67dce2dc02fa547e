// The form that emits an event.

import { acknowledgementView } from "./acknowledgement_view.js";
import { valueView } from "./binary.js";
import { element, replaceChildren } from "./elements.js";
import { FieldError, fieldOf } from "./fields.js";
import { namespaceForm } from "./namespace_form.js";
import { payloadForm } from "./socket_payload.js";

export function socketForm(operation, { sessions }) {
  const namespace = namespaceForm(operation);
  const name = nameField(operation);
  const payload = payloadForm(operation);
  const result = element("div", { class: "result" });
  const form = element(
    "form",
    { class: "try", "aria-label": `Emit ${operation.event}` },
    namespace.elements.length > 0 &&
      element("fieldset", {}, element("legend", {}, "Namespace"), namespace.elements),
    name.elements,
    payload.elements,
    element(
      "p",
      { class: "actions" },
      element("button", { class: "primary" }, "Emit"),
      element("span", { class: "hint" }, "Connects first, if there is no connection."),
    ),
    result,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const values = await payload.read();
      const target = [namespace.read(), name.read()];
      replaceChildren(result, element("p", { class: "status", role: "status" }, "Waiting…"));
      replaceChildren(
        result,
        acknowledgementView(operation, await sessions.emit(...target, values)),
      );
    } catch (error) {
      replaceChildren(
        result,
        element("p", { class: "problem", role: "alert" }, error.message),
        error.data && valueView(error.data),
      );
    }
  });
  return form;
}

// The event `*` stands for all events of its namespace without an entry: the form asks for a name.
function nameField({ event, resolve }) {
  if (event !== "*") return { elements: [], read: () => event };
  const field = fieldOf({
    name: "event",
    schema: { type: "string" },
    required: true,
    description: "Any event that has no entry of its own.",
    example: "",
    resolve,
  });
  return {
    elements: [element("fieldset", {}, element("legend", {}, "Event"), field.element)],
    read() {
      const name = field.texts()[0];
      if (name) return name;
      throw new FieldError("event: write its name");
    },
  };
}
