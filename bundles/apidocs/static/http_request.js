// Makes the request of an HTTP operation out of the values of its form.

import { FieldError } from "./fields.js";

// The headers that a browser does not let a page set (Fetch Standard, "forbidden request-header").
const FORBIDDEN = new Set(
  `accept-charset accept-encoding access-control-request-headers access-control-request-method
   connection content-length cookie cookie2 date dnt expect host keep-alive origin referer
   set-cookie te trailer transfer-encoding upgrade via`.split(/\s+/),
);

function isForbidden(name) {
  return FORBIDDEN.has(name.toLowerCase()) || /^(proxy|sec)-/i.test(name);
}

// *parameters* is a list of {in, name, texts}; *body* is {contentType, data} or null.
// Returns {method, url, headers, body, ignored}; *ignored* has the names of headers that the
// browser does not send.
export function requestOf({ base, operation, parameters, body, carriers }) {
  const url = new URL(base.replace(/\/$/, "") + filledPath(operation.path, parameters));
  for (const { name, texts } of parameters.filter((one) => one.in === "query")) {
    for (const text of texts) url.searchParams.append(name, text);
  }
  for (const [name, value] of carriers.query) url.searchParams.append(name, value);
  const given = parameters
    .filter((one) => one.in === "header")
    .flatMap(({ name, texts }) => texts.map((text) => [name, text]));
  const names = new Set(given.map(([name]) => name.toLowerCase()));
  const headers = [
    ...carriers.headers.filter(([name]) => !names.has(name.toLowerCase())),
    ...given,
  ];
  const cookies = parameters.filter((one) => one.in === "cookie" && one.texts.length);
  if (body?.contentType) headers.push(["Content-Type", body.contentType]);
  return {
    method: operation.method,
    url,
    headers: headers.filter(([name]) => !isForbidden(name)),
    body: body?.data,
    ignored: [
      ...headers.filter(([name]) => isForbidden(name)).map(([name]) => name),
      ...cookies.map(({ name }) => `Cookie ${name}`),
    ],
  };
}

function filledPath(path, parameters) {
  return path.replace(/\{([^{}]+)\}/g, (whole, name) => {
    const found = parameters.find((one) => one.in === "path" && one.name === name);
    return found ? pathPart(name, found.texts[0] ?? "") : whole;
  });
}

// Browsers resolve "." and ".." in a URL, also where they are percent-encoded.
function pathPart(name, text) {
  if (text === "." || text === "..") {
    throw new FieldError(`${name}: a browser cannot send . or .. as a part of a path`);
  }
  if (text === "") throw new FieldError(`${name}: a part of the path must not be empty`);
  return encodeURIComponent(text);
}
