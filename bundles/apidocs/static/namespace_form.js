// The parameters of a namespace such as /rooms/{id}.

import { FieldError, fieldOf } from "./fields.js";

// Returns {elements, read}; read() gives the namespace with the parameters filled in.
export function namespaceForm({ namespace, parameters, resolve }) {
  const fields = parameters.map((parameter) =>
    fieldOf({
      name: parameter.name,
      schema: parameter.schema ?? {
        type: "string",
        enum: parameter.enum,
        default: parameter.default,
      },
      required: true,
      description: parameter.description,
      example: parameter.examples?.[0],
      resolve,
    }),
  );
  return {
    elements: fields.map((field) => field.element),
    read: () => fields.reduce((name, field) => filled(name, field), namespace),
  };
}

function filled(namespace, field) {
  const text = field.texts()[0] ?? "";
  if (!text || /[,?]/.test(text)) {
    throw new FieldError(`${field.name}: write a text without , and ?`);
  }
  return namespace.replace(`{${field.name}}`, () => text);
}
