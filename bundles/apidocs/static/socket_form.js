// The form that emits an event.

import { valueView } from "./binary.js";
import { element, replaceChildren } from "./elements.js";
import { shownTime } from "./http_response.js";
import { namespaceForm } from "./namespace_form.js";
import { payloadForm } from "./socket_payload.js";

export function socketForm(operation, { sessions }) {
  const namespace = namespaceForm(operation);
  const payload = payloadForm(operation);
  const result = element("div", { class: "result" });
  const form = element(
    "form",
    { class: "try", "aria-label": `Emit ${operation.event}` },
    namespace.elements.length > 0 &&
      element("fieldset", {}, element("legend", {}, "Namespace"), namespace.elements),
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
      const name = namespace.read();
      replaceChildren(result, element("p", { class: "status", role: "status" }, "Waiting…"));
      replaceChildren(
        result,
        acknowledgementView(await sessions.emit(name, operation.event, values)),
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

// The acknowledgements of the kernel have a status code.
function acknowledgementView({ values, milliseconds }) {
  const status = values[0]?.statusCode;
  const took = shownTime(milliseconds);
  return element(
    "section",
    { "aria-label": "Acknowledgement" },
    element("h4", {}, "Acknowledgement"),
    element(
      "p",
      { class: "status", role: "status", "data-kind": status >= 400 ? "error" : "success" },
      status === undefined ? `acknowledged in ${took}` : `${status} in ${took}`,
    ),
    values.flatMap(valueView),
  );
}
