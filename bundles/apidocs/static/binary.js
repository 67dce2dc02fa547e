// Shows values that contain binary data.

import { element } from "./elements.js";
import { formatJson, mapped } from "./json.js";

const SHOWN = 16; // bytes

// Returns the value as JSON, in which binary data are described, and links to save the data.
export function valueView(value) {
  const buffers = [];
  const text = formatJson(described(value, buffers));
  const links = buffers.map((buffer, index) => saveLink(buffer, index));
  return [
    element("pre", { class: "code", tabindex: 0 }, text),
    links.length > 0 && element("p", { class: "actions" }, links),
  ].filter(Boolean);
}

// The beginning of the value on one line.
export function valueLine(value, length = 80) {
  const text = formatJson(described(value, []), 0);
  return text.length > length ? `${text.slice(0, length)}…` : text;
}

function described(value, buffers) {
  if (value instanceof ArrayBuffer) {
    buffers.push(value);
    return { $binary: `${value.byteLength} bytes: ${hexOf(value)}` };
  }
  return mapped(value, (item) => described(item, buffers));
}

function hexOf(buffer) {
  const bytes = [...new Uint8Array(buffer, 0, Math.min(SHOWN, buffer.byteLength))];
  const text = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return buffer.byteLength > SHOWN ? `${text} …` : text;
}

function saveLink(buffer, index) {
  const url = URL.createObjectURL(new Blob([buffer]));
  return element("a", { href: url, download: `binary-${index}` }, `Save binary ${index + 1}`);
}
