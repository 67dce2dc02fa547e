// Describes an event, with the form to emit it.

import { element } from "./elements.js";
import { access, exampleView, parameterList, pushedEvents } from "./operation_facts.js";
import { inline } from "./prose.js";
import { schemaView } from "./schema_view.js";
import { socketForm } from "./socket_form.js";
import { envelopeOf, takesArgument } from "./socket_payload.js";

export function socketPanel(operation, context) {
  return [
    eventLine(operation, "emit"),
    access(operation),
    pushedEvents(operation, context),
    operation.deprecated && element("p", { class: "notice" }, "This event is deprecated."),
    parameterList(operation),
    argument(operation),
    acknowledgementList(operation),
    element("h3", {}, "Try it"),
    socketForm(operation, context),
  ];
}

export function pushedPanel(operation) {
  return [
    eventLine(operation, "receive"),
    element("p", {}, "The server sends this event to connected sockets; the console shows it."),
    argument(operation),
  ];
}

function eventLine(operation, verb) {
  return element(
    "p",
    { class: "line" },
    element("span", { class: "badge", "data-method": verb }, verb),
    element("code", {}, operation.event),
    " in the namespace ",
    element("code", {}, operation.namespace),
  );
}

function argument(operation) {
  const { payload, examples, resolve } = operation;
  if (!takesArgument(payload, resolve)) return null;
  return [
    envelopeOf(operation)
      ? envelope(resolve(payload), resolve)
      : [element("h3", {}, "Argument"), schemaView(payload, resolve)],
    examples.map(({ summary, name, payload: value }) => exampleView(summary ?? name, value)),
  ];
}

// The argument has the form {params, body}.
function envelope({ properties, required = [] }, resolve) {
  return Object.entries({ params: "Parameters", body: "Body" })
    .filter(([key]) => key in properties)
    .map(([key, title]) => [
      element(
        "h3",
        {},
        title,
        required.includes(key) && element("span", { class: "required" }, "required"),
      ),
      schemaView(properties[key], resolve),
    ]);
}

function acknowledgementList({ acknowledgements, resolve }) {
  if (!acknowledgements.length) return null;
  const rows = acknowledgements.map(({ title, summary, schema }) =>
    element(
      "details",
      { class: "response" },
      element("summary", {}, element("strong", {}, title), " ", inline(summary)),
      schema !== undefined && schemaView(schema, resolve),
    ),
  );
  return [element("h3", {}, "Acknowledgements"), rows];
}
