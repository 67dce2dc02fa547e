// Describes an HTTP operation, with the form to try it.

import { element } from "./elements.js";
import { httpForm } from "./http_form.js";
import { formatJson } from "./json.js";
import { access, exampleView, parameterList, pushedEvents } from "./operation_facts.js";
import { inline, prose } from "./prose.js";
import { facts, propertyRow, schemaView } from "./schema_view.js";

export function httpPanel(operation, context) {
  return [
    element(
      "p",
      { class: "line" },
      element("span", { class: "badge", "data-method": operation.method }, operation.method),
      element("code", {}, operation.path),
    ),
    access(operation),
    pushedEvents(operation, context),
    operation.deprecated && element("p", { class: "notice" }, "This operation is deprecated."),
    parameterList(operation),
    bodies("Request body", operation.body, operation.resolve),
    responseList(operation),
    element("h3", {}, "Try it"),
    httpForm(operation, context),
  ];
}

function bodies(title, body, resolve) {
  const contents = Object.entries(body?.content ?? {});
  if (!contents.length) return null;
  return [
    element("h3", {}, title, body.required && element("span", { class: "required" }, "required")),
    body.description && prose(body.description),
    contentViews(contents, resolve),
  ];
}

// Content types with the same schema are shown together, with the examples of the first.
function contentViews(contents, resolve) {
  const groups = new Map();
  for (const [type, media] of contents) {
    const key = formatJson(media.schema);
    const group = groups.get(key) ?? { types: [], media };
    group.types.push(type);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ types, media }) =>
    element(
      "div",
      { class: "content" },
      element("p", { class: "hint" }, types.join(", ")),
      media.schema !== undefined && schemaView(media.schema, resolve),
      examplesOf(media, resolve),
    ),
  );
}

function examplesOf(media, resolve) {
  const named = Object.entries(media.examples ?? {}).map(([name, example]) => [
    resolve(example)?.summary ?? name,
    resolve(example)?.value,
  ]);
  const all = media.example === undefined ? named : [["Example", media.example], ...named];
  return all.map(([name, value]) => exampleView(name, value));
}

function responseList({ responses, resolve }) {
  if (!responses.length) return null;
  const rows = responses.map((response) =>
    element(
      "details",
      { class: "response" },
      element(
        "summary",
        {},
        element(
          "strong",
          { "data-kind": response.status < "4" ? "success" : "error" },
          response.status,
        ),
        " ",
        inline(response.description ?? ""),
      ),
      headerList(response.headers, resolve),
      contentViews(Object.entries(response.content ?? {}), resolve),
    ),
  );
  return [element("h3", {}, "Responses"), rows];
}

function headerList(headers, resolve) {
  const rows = Object.entries(headers ?? {}).map(([name, header]) => {
    const found = resolve(header) ?? {};
    return propertyRow(name, found.schema && facts(found.schema, resolve), found.description);
  });
  return rows.length > 0 && element("ul", { class: "properties", "aria-label": "Headers" }, rows);
}
