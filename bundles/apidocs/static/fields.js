// Form fields made from schemas. A field that is left empty is not sent.

import { element, uniqueId } from "./elements.js";
import { exampleOf } from "./example_values.js";
import { parseJson, parseNumber, plainText } from "./json.js";
import { prose } from "./prose.js";
import { isFile, typesOf, withoutNull } from "./schema_text.js";
import { facts } from "./schema_view.js";

export class FieldError extends Error {}

// Calls *action* when *form* is submitted. *problem* shows the error of a field.
export function onSubmit(form, problem, action) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.hidden = true;
    try {
      await action();
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      problem.textContent = error.message;
      problem.hidden = false;
    }
  });
}

// Returns {element, texts, value, files}: the row of the form, its value as texts for a URL or a
// form, as a value of JSON, and the chosen files.
export function fieldOf({ name, schema, required, description, example, resolve }) {
  const id = uniqueId("field");
  const hint = uniqueId("hint");
  const control = controlOf(schema, resolve);
  const input = control.input;
  input.id = id;
  input.setAttribute("aria-describedby", hint);
  if (required) input.required = true;
  if (required || example !== undefined) control.fill(example ?? exampleOf(schema, resolve, name));
  return {
    name,
    element: element(
      "div",
      { class: "field" },
      element("label", { for: id }, name),
      required && element("span", { class: "required" }, "required"),
      input,
      element(
        "div",
        { id: hint, class: "hint" },
        element("p", { class: "facts" }, control.note, facts(schema, resolve)),
        description && prose(description),
      ),
    ),
    texts: () => control.texts(),
    value: () => named(name, () => control.value()),
    files: () => control.files?.() ?? [],
    isFile: Boolean(control.files),
  };
}

// The fields of the properties of an object, with the values of *example*.
export function fieldsOf(schema, resolve, example) {
  const found = resolve(schema) ?? {};
  const required = new Set(found.required ?? []);
  return Object.entries(found.properties ?? {}).map(([name, property]) =>
    fieldOf({
      name,
      schema: property,
      required: required.has(name),
      description: resolve(property)?.description,
      example: example?.[name],
      resolve,
    }),
  );
}

function named(name, read) {
  try {
    return read();
  } catch (error) {
    throw new FieldError(`${name}: ${error.message}`);
  }
}

function controlOf(schema, resolve) {
  const found = withoutNull(schema, resolve);
  const [type] = typesOf(found).filter((name) => name !== "null");
  if (isFile(found)) return fileControl(false);
  if (found.enum) return choiceControl(found.enum);
  if (type === "boolean") return choiceControl([true, false]);
  if (type === "array") {
    const item = withoutNull(found.items, resolve);
    if (isFile(item)) return fileControl(true);
    const [itemType] = typesOf(item);
    if (["string", "integer", "number", "boolean"].includes(itemType))
      return linesControl(itemType);
  }
  if (["integer", "number", "string"].includes(type)) return textControl(type);
  return jsonControl();
}

function textControl(type) {
  const input = element("input", { type: "text", autocomplete: "off", spellcheck: "false" });
  if (type !== "string") input.inputMode = type === "integer" ? "numeric" : "decimal";
  return {
    input,
    fill: (value) => (input.value = plainText(value)),
    texts: () => (input.value === "" ? [] : [input.value]),
    value: () => (input.value === "" ? undefined : typed(type, input.value)),
  };
}

// A text that is no value of the type is sent as it is: the server reports what is wrong with it.
function typed(type, text) {
  if (type === "boolean") return { true: true, false: false }[text] ?? text;
  return type === "string" ? text : (parseNumber(text.trim()) ?? text);
}

function choiceControl(values) {
  const input = element(
    "select",
    {},
    element("option", { value: "" }, "not sent"),
    values.map((value, index) => element("option", { value: index }, plainText(value))),
  );
  const chosen = () => (input.value === "" ? undefined : values[Number(input.value)]);
  return {
    input,
    fill(value) {
      const index = values.findIndex((other) => plainText(other) === plainText(value));
      input.value = index < 0 ? "" : String(index);
    },
    texts: () => (input.value === "" ? [] : [plainText(chosen())]),
    value: chosen,
  };
}

function linesControl(type) {
  const input = element("textarea", { rows: 3, spellcheck: "false" });
  const lines = () => input.value.split("\n").filter((line) => line !== "");
  return {
    input,
    note: "one value on each line",
    fill: (value) => (input.value = [value ?? []].flat().map(plainText).join("\n")),
    texts: lines,
    value: () => (lines().length ? lines().map((line) => typed(type, line)) : undefined),
  };
}

function jsonControl() {
  const input = element("textarea", { rows: 3, spellcheck: "false" });
  return {
    input,
    note: "JSON",
    fill: (value) => (input.value = JSON.stringify(value)),
    texts: () => (input.value.trim() === "" ? [] : [input.value]),
    value: () => (input.value.trim() === "" ? undefined : parseJson(input.value)),
  };
}

function fileControl(isMultiple) {
  const input = element("input", { type: "file", multiple: isMultiple });
  return {
    input,
    fill() {},
    texts: () => [],
    value: () => undefined,
    files: () => [...input.files],
  };
}
