// What the descriptions of HTTP operations and events have in common.

import { accessText } from "./access_text.js";
import { element } from "./elements.js";
import { formatJson } from "./json.js";
import { facts, propertyRow } from "./schema_view.js";

export function access(operation) {
  const text = accessText(operation);
  return text && element("p", { class: "access" }, element("strong", {}, "Access: "), text);
}

// The events that an operation causes, as links to their entries.
export function pushedEvents({ pushes }, context) {
  if (!pushes.length) return null;
  const links = pushes.flatMap((event, index) => {
    const name = context.pushedEntryOf(event);
    const code = element("code", {}, event);
    const link = name ? element("a", { href: `#${encodeURIComponent(name)}` }, code) : code;
    return [index ? ", " : "", link];
  });
  return element("p", {}, element("strong", {}, "Pushes: "), links);
}

export function parameterList({ parameters, resolve }) {
  if (!parameters.length) return null;
  const rows = parameters.map((parameter) =>
    propertyRow(
      parameter.name,
      [
        element("span", { class: "limit" }, parameter.in ?? "namespace"),
        parameter.required && element("span", { class: "required" }, "required"),
        parameter.deprecated && element("span", { class: "badge deprecated" }, "deprecated"),
        parameter.schema && facts(parameter.schema, resolve),
      ],
      parameter.description,
    ),
  );
  return [element("h3", {}, "Parameters"), element("ul", { class: "properties" }, rows)];
}

export function exampleView(name, value) {
  return element(
    "details",
    {},
    element("summary", {}, `Example: ${name}`),
    element("pre", { class: "code", tabindex: 0 }, formatJson(value)),
  );
}
