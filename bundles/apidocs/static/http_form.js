// The form that sends an HTTP operation.

import { curlCommand } from "./curl_command.js";
import { element, replaceChildren } from "./elements.js";
import { fieldOf, onSubmit } from "./fields.js";
import { bodyForm } from "./http_body.js";
import { requestOf } from "./http_request.js";
import { ResponseView } from "./http_response.js";

export function httpForm(operation, { base, credentials }) {
  const { resolve } = operation;
  const fields = operation.parameters.map((parameter) => [
    parameter,
    parameterField(parameter, resolve),
  ]);
  const body = bodyForm(operation.body, resolve);
  const problem = element("p", { class: "problem", role: "alert", hidden: true });
  const result = element("div", { class: "result" });
  const stop = element("button", { type: "button", hidden: true }, "Stop");
  const form = element(
    "form",
    { class: "try", "aria-label": `Send ${operation.name}` },
    fields.length > 0 &&
      element(
        "fieldset",
        {},
        element("legend", {}, "Parameters"),
        fields.map(([, field]) => field.element),
      ),
    body.element,
    element("p", { class: "actions" }, element("button", { class: "primary" }, "Send"), stop),
    problem,
    result,
  );

  async function send() {
    const request = requestOf({
      base,
      operation,
      parameters: fields.map(([parameter, field]) => ({
        in: parameter.in,
        name: parameter.name,
        texts: field.texts(),
      })),
      body: await body.read(),
      carriers: credentials.carriers(),
    });
    const view = new ResponseView(request, curlCommand(request), credentials);
    replaceChildren(result, view.element);
    const abort = new AbortController();
    stop.hidden = false;
    stop.onclick = () => abort.abort();
    try {
      await view.send(abort.signal);
    } finally {
      stop.hidden = true;
    }
  }

  onSubmit(form, problem, send);
  return form;
}

function parameterField(parameter, resolve) {
  const [media] = Object.values(parameter.content ?? {});
  return fieldOf({
    name: parameter.name,
    schema: parameter.schema ?? media?.schema ?? {},
    required: parameter.required,
    description: parameter.description,
    example: parameter.example ?? resolve(Object.values(parameter.examples ?? {})[0])?.value,
    resolve,
  });
}
