// The credentials that were entered, by the key of their security scheme. They are kept in memory,
// so closing or reloading the page forgets them.

export class Credentials {
  constructor(openapi, asyncapi) {
    this.schemes = new Map(
      [asyncapi, openapi].flatMap((root) =>
        Object.entries(root?.components?.securitySchemes ?? {}).map(([name, scheme]) => [
          name,
          { key: name, ...scheme, kind: kindOf(scheme) },
        ]),
      ),
    );
    this._values = new Map();
    this._listeners = [];
  }

  get(key) {
    return this._values.get(key);
  }

  // Sets the values of schemes, by key: a text, {user, password}, or undefined.
  update(values) {
    for (const [key, value] of values) {
      if (value === undefined) this._values.delete(key);
      else this._values.set(key, value);
    }
    for (const listener of this._listeners) listener();
  }

  get count() {
    return this._values.size;
  }

  onChange(listener) {
    this._listeners.push(listener);
  }

  schemeOfKind(kind) {
    return [...this.schemes.values()].find((scheme) => scheme.kind === kind);
  }

  // The headers and query parameters that carry the credentials. There is one Authorization
  // header: a token comes before a password.
  carriers() {
    const headers = new Map();
    const query = [];
    for (const [key, value] of this._values) {
      const scheme = this.schemes.get(key);
      if (scheme.kind === "bearer") headers.set("Authorization", `Bearer ${value}`);
      if (scheme.kind === "basic" && !headers.has("Authorization")) {
        headers.set("Authorization", `Basic ${base64(value)}`);
      }
      if (scheme.kind === "header") headers.set(scheme.name, value);
      if (scheme.kind === "query") query.push([scheme.name, value]);
    }
    return { headers: [...headers], query };
  }

  // What a socket sends: the access token in `auth`, everything else with the handshake.
  forHandshake() {
    const bearer = this.schemeOfKind("bearer");
    const token = bearer && this.get(bearer.key);
    const { headers, query } = this.carriers();
    if (token === undefined) return { headers, query };
    const others = headers.filter(([name]) => name !== "Authorization");
    return { auth: { token }, headers: others, query };
  }
}

// How a credential is sent: "bearer", "basic", "header", "query", "cookie", or "other".
function kindOf(scheme) {
  if (scheme.type === "http") {
    const known = { bearer: "bearer", basic: "basic" };
    return known[String(scheme.scheme).toLowerCase()] ?? "other";
  }
  if (scheme.type === "userPassword") return "basic";
  if (scheme.type === "apiKey" || scheme.type === "httpApiKey") {
    return ["header", "query", "cookie"].includes(scheme.in) ? scheme.in : "other";
  }
  return "other";
}

// RFC 7617, with UTF-8.
function base64({ user, password }) {
  const bytes = new TextEncoder().encode(`${user}:${password}`);
  return btoa(String.fromCharCode(...bytes));
}
