// Writes a request as a curl command for a POSIX shell.

export function curlCommand({ method, url, headers, body }) {
  const parts = ["curl", ...methodOptions(method, body), quoted(String(url))];
  for (const [name, value] of headers) parts.push("--header", quoted(headerLine(name, value)));
  parts.push(...bodyOptions(body));
  return parts.join(" ");
}

function methodOptions(method, body) {
  if (method === "HEAD") return ["--head"];
  const implied = body === undefined ? "GET" : "POST";
  return method === implied ? [] : ["--request", method];
}

// curl sends a header without a value only if it is written with ";".
function headerLine(name, value) {
  return value === "" ? `${name};` : `${name}: ${value}`;
}

function bodyOptions(body) {
  if (body === undefined) return [];
  if (body instanceof FormData)
    return [...body].flatMap(([name, value]) => formOption(name, value));
  if (body instanceof Blob) return ["--data-binary", quoted(`@${body.name}`)];
  return ["--data-raw", quoted(String(body))];
}

function formOption(name, value) {
  if (value instanceof File)
    return ["--form", quoted(`${name}=@"${value.name.replace(/[\\"]/g, "\\$&")}"`)];
  return ["--form-string", quoted(`${name}=${value}`)];
}

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
