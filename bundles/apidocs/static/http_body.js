// The part of an HTTP form that makes the body: JSON, a form, files, or text.

import { element, replaceChildren, uniqueId } from "./elements.js";
import { exampleOf } from "./example_values.js";
import { fieldsOf } from "./fields.js";
import { jsonField } from "./json_field.js";
import { plainText } from "./json.js";

const FORMS = ["application/x-www-form-urlencoded", "multipart/form-data"];

// Returns {element, read}; read() gives {contentType, data}, or null for no body.
export function bodyForm(body, resolve) {
  const contents = Object.entries(body?.content ?? {}).filter(([type]) => !isMessagePack(type));
  if (!contents.length) return { element: null, read: async () => null };
  const place = element("div", { class: "body" });
  let editor;
  const show = (index) => {
    editor = editorOf(...contents[index], Boolean(body.required), resolve);
    replaceChildren(place, editor.element);
  };
  const choice = contents.length > 1 && typeChoice(contents, show);
  show(0);
  return {
    element: element("fieldset", {}, element("legend", {}, "Body"), choice, place),
    read: () => editor.read(),
  };
}

// This page has no encoder for it, and every body that may be MessagePack may be JSON.
function isMessagePack(type) {
  return /msgpack/i.test(type);
}

function typeChoice(contents, show) {
  const id = uniqueId("type");
  const select = element(
    "select",
    { id, onchange: () => show(Number(select.value)) },
    contents.map(([type], index) => element("option", { value: index }, type)),
  );
  return element("p", { class: "field" }, element("label", { for: id }, "Content type"), select);
}

function editorOf(contentType, media, isRequired, resolve) {
  const example = exampleOfMedia(media, resolve);
  if (/[/+]json$/i.test(contentType)) return jsonEditor(contentType, example);
  if (FORMS.includes(contentType)) return formEditor(contentType, media.schema, resolve);
  if (contentType.startsWith("text/")) return textEditor(contentType, example);
  return fileEditor(contentType, isRequired);
}

function exampleOfMedia(media, resolve) {
  if (media.example !== undefined) return media.example;
  const [named] = Object.values(media.examples ?? {});
  return resolve(named)?.value ?? exampleOf(media.schema, resolve);
}

function jsonEditor(contentType, example) {
  const field = jsonField({ label: contentType, example });
  return {
    element: field.element,
    async read() {
      const value = await field.value(); // reports what is not JSON
      return value === undefined ? null : { contentType, data: field.text() };
    },
  };
}

function formEditor(contentType, schema, resolve) {
  const fields = fieldsOf(schema, resolve);
  return {
    element: element(
      "div",
      {},
      fields.map((field) => field.element),
    ),
    async read() {
      const isMultipart = contentType === "multipart/form-data";
      const data = isMultipart ? new FormData() : new URLSearchParams();
      for (const field of fields) {
        for (const text of field.texts()) data.append(field.name, text);
        for (const file of isMultipart ? field.files() : [])
          data.append(field.name, file, file.name);
      }
      return { contentType: null, data }; // the browser sets the type, with the boundary
    },
  };
}

function textEditor(contentType, example) {
  const id = uniqueId("text");
  const input = element("textarea", { id, rows: 5 });
  input.value = example === null ? "" : plainText(example);
  return {
    element: element("div", { class: "field" }, element("label", { for: id }, contentType), input),
    read: async () => (input.value === "" ? null : { contentType, data: input.value }),
  };
}

function fileEditor(contentType, isRequired) {
  const id = uniqueId("file");
  const input = element("input", { id, type: "file", required: isRequired });
  return {
    element: element("div", { class: "field" }, element("label", { for: id }, contentType), input),
    async read() {
      const [file] = input.files;
      if (!file) return null;
      return { contentType: contentType.includes("*") ? file.type : contentType, data: file };
    },
  };
}
