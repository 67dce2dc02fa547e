// A large field for JSON, with files for its binary values.

import { element, uniqueId } from "./elements.js";
import { FieldError } from "./fields.js";
import { formatJson, parseJson } from "./json.js";

const MARK = "$binary";

// With *withFiles*, `{"$binary": "a.png"}` in the JSON stands for the bytes of the attached file.
export function jsonField({ label, example, withFiles = false }) {
  const id = uniqueId("json");
  const text = formatJson(example);
  const rows = Math.min(20, Math.max(3, text.split("\n").length + 1));
  const input = element("textarea", { id, rows, class: "code", spellcheck: "false" });
  input.value = text;
  const files = withFiles ? filesOf(input) : null;
  return {
    element: element(
      "div",
      { class: "field" },
      element("label", { for: id }, label),
      input,
      files?.element,
    ),
    text: () => input.value,
    async value() {
      if (input.value.trim() === "") return undefined;
      const value = parse(label, input.value);
      return files ? files.insertInto(value) : value;
    },
  };
}

function parse(label, text) {
  try {
    return parseJson(text);
  } catch (error) {
    throw new FieldError(`${label} is not JSON: ${error.message}`);
  }
}

function filesOf(input) {
  const id = uniqueId("files");
  const attached = new Map();
  const list = element("p", { class: "hint", "aria-live": "polite" });
  const picker = element("input", { id, type: "file", multiple: true });
  picker.addEventListener("change", () => {
    for (const file of picker.files) {
      attached.set(file.name, file);
      insertAtCursor(input, JSON.stringify({ [MARK]: file.name }));
    }
    picker.value = "";
    list.textContent = `Attached: ${[...attached.keys()].join(", ")}`;
  });
  const hint = `{"${MARK}": "name"} in the JSON is sent as the bytes of the file with this name.`;
  return {
    element: element(
      "details",
      {},
      element("summary", {}, "Binary data"),
      element("label", { for: id }, "Attach files"),
      picker,
      element("p", { class: "hint" }, hint),
      list,
    ),
    insertInto: (value) => withBytes(value, attached),
  };
}

function insertAtCursor(input, text) {
  input.setRangeText(text, input.selectionStart, input.selectionEnd, "end");
}

async function withBytes(value, files) {
  if (value === null || typeof value !== "object" || JSON.isRawJSON?.(value)) return value;
  if (Array.isArray(value)) return Promise.all(value.map((item) => withBytes(item, files)));
  const entries = Object.entries(value);
  if (entries.length === 1 && entries[0][0] === MARK) return bytesOf(entries[0][1], files);
  const replaced = entries.map(async ([key, item]) => [key, await withBytes(item, files)]);
  return Object.fromEntries(await Promise.all(replaced));
}

function bytesOf(name, files) {
  const file = files.get(name);
  if (file) return file.arrayBuffer();
  throw new FieldError(
    `no file ${JSON.stringify(name)} is attached; attach it under "Binary data"`,
  );
}
