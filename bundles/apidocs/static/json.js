// JSON whose numbers keep their digits: 9007199254740993 and 1.50 are shown and sent as written,
// in browsers that have JSON.rawJSON. Such a number is an object, see `numberOf`.

export function parseJson(text) {
  return JSON.parse(text, keepDigits);
}

export function formatJson(value, indent = 2) {
  return JSON.stringify(value, null, indent) ?? "";
}

// A text as it is, any other value as JSON.
export function plainText(value) {
  return typeof value === "string" ? value : formatJson(value);
}

export function numberOf(value) {
  return JSON.isRawJSON?.(value) ? Number(value.rawJSON) : value;
}

// A list or an object with each of its values changed; any other value as it is.
export function mapped(value, change) {
  if (Array.isArray(value)) return value.map((item) => change(item));
  if (value === null || typeof value !== "object" || JSON.isRawJSON?.(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, change(item)]));
}

// The number that *text* is, with all its digits; undefined if it is not a JSON number.
export function parseNumber(text) {
  if (!/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text)) return undefined;
  return parseJson(text);
}

function keepDigits(_key, value, context) {
  const source = context?.source;
  if (typeof value !== "number" || source === undefined || String(value) === source) return value;
  return JSON.rawJSON ? JSON.rawJSON(source) : value;
}
