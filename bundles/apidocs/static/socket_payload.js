// The part of an event's form that makes its argument: {params, body}, or one value.

import { element } from "./elements.js";
import { exampleOf } from "./example_values.js";
import { fieldsOf } from "./fields.js";
import { jsonField } from "./json_field.js";

// Returns {elements, read}; read() gives the list of arguments.
export function payloadForm(operation) {
  const { payload, examples, resolve } = operation;
  if (!takesArgument(payload, resolve)) return { elements: [], read: async () => [] };
  const example = examples[0]?.payload;
  const envelope = envelopeOf(operation);
  return envelope ? envelopeForm(envelope, example, resolve) : valueForm(payload, example, resolve);
}

// The schema of an argument {params, body}; null for one of another form. An event without an
// envelope may have fields of these names, too.
export function envelopeOf({ isPlain, payload, resolve }) {
  if (isPlain) return null;
  const found = resolve(payload);
  const names = Object.keys(found?.properties ?? {});
  const isEnvelope = names.every((name) => name === "params" || name === "body");
  return names.length && isEnvelope ? found : null;
}

export function takesArgument(payload, resolve) {
  const found = resolve(payload);
  if (found === undefined) return false;
  const isEmpty =
    found.additionalProperties === false && !Object.keys(found.properties ?? {}).length;
  return !isEmpty && found.type !== "null";
}

function valueForm(payload, example, resolve) {
  const field = jsonField({
    label: "Argument (JSON)",
    example: example ?? exampleOf(payload, resolve),
    withFiles: true,
  });
  return {
    elements: [element("fieldset", {}, element("legend", {}, "Argument"), field.element)],
    async read() {
      const value = await field.value();
      return value === undefined ? [] : [value];
    },
  };
}

function envelopeForm(schema, example, resolve) {
  const { params, body } = schema.properties;
  const parameters = params ? fieldsOf(params, resolve, example?.params) : [];
  const field =
    body &&
    jsonField({
      label: "Body (JSON)",
      example: example?.body ?? exampleOf(body, resolve),
      withFiles: true,
    });
  return {
    elements: [
      parameters.length > 0 &&
        element(
          "fieldset",
          {},
          element("legend", {}, "Parameters"),
          parameters.map((parameter) => parameter.element),
        ),
      field && element("fieldset", {}, element("legend", {}, "Body"), field.element),
    ],
    async read() {
      const given = parameters
        .map((parameter) => [parameter.name, parameter.value()])
        .filter(([, value]) => value !== undefined);
      const argument = {};
      if (given.length) argument.params = Object.fromEntries(given);
      const value = await field?.value();
      if (value !== undefined) argument.body = value;
      return Object.keys(argument).length ? [argument] : [];
    },
  };
}
