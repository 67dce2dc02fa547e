// Shows the acknowledgement of an event.

import { valueView } from "./binary.js";
import { element } from "./elements.js";
import { shownTime } from "./http_response.js";

export function acknowledgementView(operation, { values, milliseconds }) {
  const status = statusOf(operation, values[0]);
  const took = shownTime(milliseconds);
  return element(
    "section",
    { "aria-label": "Acknowledgement" },
    element("h4", {}, "Acknowledgement"),
    element(
      "p",
      { class: "status", role: "status", "data-kind": status >= 400 ? "error" : "success" },
      status === undefined ? `acknowledged in ${took}` : `${status} in ${took}`,
    ),
    values.flatMap(valueView),
  );
}

// The envelope has a status, and so has an error. Without an envelope, any other value is the
// content, whatever its fields are.
function statusOf({ isPlain }, value) {
  const status = value?.statusCode;
  return !isPlain || isError(value) ? status : undefined;
}

// Services of the bundle realtime mark their errors with `status`.
function isError(value) {
  const code = value?.statusCode;
  const isMarked = value?.status === undefined || value.status === "error";
  return isMarked && code >= 400 && code <= 599 && typeof value.message === "string";
}
