/** How an operation is called: by a request, or by an event of Socket.IO. */
export type Transport = "http" | "socket";

/** A value, or a function that returns it each time that it is needed. */
export type Provided<T> = T | (() => T | Promise<T>);

export interface ClientOptions {
  /** The address of the server, such as `https://api.example.com`. */
  url: string;
  /** The transport of operations that have both. The default is "http". */
  transport?: Transport;
  /** The access token, for `Authorization: Bearer` and for `auth.token` of the handshake. */
  token?: Provided<string | null | undefined>;
  /** Further values for `auth` of the handshake. */
  auth?: Provided<Record<string, unknown>>;
  /** Headers of every request and of the handshake, where a browser allows to set them. */
  headers?: Record<string, string>;
  /** Whether cookies are sent: "include" sends them to another origin too. */
  credentials?: "omit" | "same-origin" | "include";
  /** Milliseconds until a call is rejected with the code "timeout". The default is 30000. */
  timeout?: number;
}

export interface CallOptions<T extends Transport = Transport> {
  /** The transport of this call. */
  transport?: T;
  /** Ends the call, which is then rejected with the reason of the signal. */
  signal?: AbortSignal;
  /** Milliseconds until this call is rejected with the code "timeout". */
  timeout?: number;
}

/** One entry of `errors`: which value of the input does not fit, and why. */
export interface InputError {
  path: string;
  code: string;
  message: string;
  params?: Record<string, unknown>;
}

/** The codes of errors that the client makes itself; their status is 0. */
export type ClientErrorCode = "connection_error" | "timeout" | "invalid_response";

/** An error of the server, the same over both transports, or a call that did not reach it. */
export class ApiError<Code extends string | number = string | number> extends Error {
  /** The function that was called, or "" for a connection. */
  readonly operation: string;
  /** The status of the response; 0 if there is none. */
  readonly status: number;
  readonly code: Code | ClientErrorCode | undefined;
  /** What does not fit in the input, for the status 422. */
  readonly errors: readonly InputError[];
  /** The headers of the response, with names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The whole content of the error. */
  readonly body: unknown;

  constructor(
    operation: string,
    status: number,
    body: unknown,
    headers: Readonly<Record<string, string>> = {},
  ) {
    const fields = isRecord(body) ? body : {};
    super(typeof fields["message"] === "string" ? fields["message"] : `status ${status}`);
    this.name = "ApiError";
    this.operation = operation;
    this.status = status;
    this.code = (fields["code"] ?? undefined) as Code | undefined;
    this.errors = Array.isArray(fields["errors"]) ? (fields["errors"] as InputError[]) : [];
    this.headers = headers;
    this.body = body;
  }
}

/** Whether *error* comes from this operation; `error.code` then has the type of its codes. */
export function isErrorOf<O extends keyof ErrorCodes>(
  operation: O,
  error: unknown,
): error is ApiError<ErrorCodes[O]> {
  return error instanceof ApiError && error.operation === operation;
}

export function createClient(options: ClientOptions): Client {
  return new Client(options);
}

interface HttpRoute {
  method: string;
  path: string;
  /** The parameters of the path that may contain "/". */
  rest?: readonly string[];
  query?: readonly string[];
  body?: "json" | "form" | "multipart" | "raw";
  headers?: Readonly<Record<string, string>>;
}

interface SocketRoute {
  namespace: string;
  event: string;
  /** false: the body is the argument, and the acknowledgement is the content or an error. */
  envelope?: false;
}

interface Operation {
  name: string;
  http?: HttpRoute;
  socket?: SocketRoute;
  /** What is returned: the decoded value, bytes, the response of fetch, or nothing. */
  returns: "value" | "bytes" | "response" | "nothing";
}

interface CallInput {
  params?: object;
  headers?: object;
  body?: unknown;
}

type Listener = (payload: never) => void;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function entries(value: object | undefined): [string, unknown][] {
  return Object.entries(value ?? {}).filter(([, entry]) => entry !== undefined);
}

function provided<T>(value: Provided<T>): T | Promise<T> {
  return typeof value === "function" ? (value as () => T | Promise<T>)() : value;
}

function clientError(operation: string, code: ClientErrorCode, message: string): ApiError {
  return new ApiError(operation, 0, { code, message });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Fill the parameters of a path, each encoded as one segment, or as several if it is in *rest*. */
function filledPath(path: string, params: object | undefined, rest: readonly string[]): string {
  const values = new Map(entries(params));
  return path.replace(/\{([^{}]+)\}/g, (_, name: string) => {
    const text = String(values.get(name) ?? "");
    const segments = rest.includes(name) ? text.split("/") : [text];
    for (const segment of segments) {
      // A URL cannot hold these: "." and ".." are removed with the segment before them.
      if (segment === "" || segment === "." || segment === "..") {
        throw new TypeError(`the parameter ${name} of ${path} cannot be "${text}"`);
      }
    }
    return segments.map(encodeURIComponent).join("/");
  });
}

function filledNamespace(namespace: string, params: object | undefined): string {
  const values = new Map(entries(params));
  return namespace.replace(/\{([^{}]+)\}/g, (_, name: string) => {
    const text = String(values.get(name) ?? "");
    if (text === "" || /[\/,?]/.test(text)) {
      throw new TypeError(`the parameter ${name} of ${namespace} cannot be "${text}"`);
    }
    return text;
  });
}

function queryString(names: readonly string[], params: object | undefined): string {
  const query = new URLSearchParams();
  for (const [name, value] of entries(params)) {
    if (!names.includes(name)) continue;
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item !== null && item !== undefined) query.append(name, String(item));
    }
  }
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

/** The fields of a form: names of nested values are paths in brackets. */
function* formFields(value: unknown, name = ""): Generator<[string, string | Blob]> {
  if (value === null || value === undefined) return;
  if (value instanceof Uint8Array) {
    yield [name, new Blob([value as BlobPart])];
  } else if (value instanceof Blob) {
    yield [name, value];
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const isNested = Array.isArray(item) || (isRecord(item) && !isBinary(item));
      yield* formFields(item, isNested ? `${name}[${index}]` : name);
    }
  } else if (isRecord(value)) {
    for (const [key, item] of Object.entries(value)) {
      yield* formFields(item, name === "" ? key : `${name}[${key}]`);
    }
  } else {
    yield [name, String(value)];
  }
}

function isBinary(value: unknown): boolean {
  return value instanceof Blob || value instanceof Uint8Array;
}

function encodedBody(kind: HttpRoute["body"], body: unknown, headers: Headers): BodyInit {
  if (kind === "multipart") {
    const form = new FormData();
    for (const [name, value] of formFields(body)) form.append(name, value);
    return form;
  }
  if (kind === "form") {
    const form = new URLSearchParams();
    for (const [name, value] of formFields(body)) form.append(name, String(value));
    return form;
  }
  if (kind === "raw") {
    const isTyped = body instanceof Blob && body.type !== "";
    if (!isTyped && !headers.has("Content-Type")) {
      const text = "text/plain; charset=utf-8";
      headers.set("Content-Type", typeof body === "string" ? text : "application/octet-stream");
    }
    return body as BodyInit;
  }
  headers.set("Content-Type", "application/json");
  return JSON.stringify(body);
}

/** Bytes are an ArrayBuffer in a browser and a Buffer in Node; here they are a Uint8Array. */
function bytesOf(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  return value instanceof ArrayBuffer ? new Uint8Array(value) : undefined;
}

/** What Socket.IO received, as JSON has it: bytes within an object or an array are base64. */
function received(value: unknown): unknown {
  return bytesOf(value) ?? withoutBytes(value);
}

function withoutBytes(value: unknown): unknown {
  const bytes = bytesOf(value);
  if (bytes !== undefined) {
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  }
  if (Array.isArray(value)) return value.map(withoutBytes);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutBytes(item)]));
}

function lowerCase(headers: unknown): Record<string, string> {
  return Object.fromEntries(
    entries(isRecord(headers) ? headers : {}).map(([name, value]) => [
      name.toLowerCase(),
      String(value),
    ]),
  );
}

/** The argument of an event; the parameters of its namespace are not a part of it. */
function envelope(route: SocketRoute, given: object | undefined, body: unknown): object {
  const inPath = new Set([...route.namespace.matchAll(/\{([^{}]+)\}/g)].map((found) => found[1]));
  const params = entries(given).filter(([name]) => !inPath.has(name));
  return {
    ...(params.length > 0 && { params: Object.fromEntries(params) }),
    ...(body !== undefined && { body }),
  };
}

/** The error body in *data* without its headers, which are a field of their own. */
function socketError(operation: string, data: Record<string, unknown>): ApiError {
  const { headers, ...body } = data;
  return new ApiError(operation, Number(data["statusCode"]), body, lowerCase(headers));
}

/** Whether *content* is an error, for events without an envelope: it has the fields of an error. */
function isPlainError(content: unknown): content is Record<string, unknown> {
  if (!isRecord(content) || typeof content["message"] !== "string") return false;
  const status = content["statusCode"];
  const isStatus = typeof status === "number" && status >= 400 && status <= 599;
  // Services of the bundle realtime mark their errors.
  return isStatus && (content["status"] === undefined || content["status"] === "error");
}

/** The content of a response by its type: JSON, a text or bytes; null if it has no type. */
async function decoded(response: Response, operation: string): Promise<unknown> {
  const type = (response.headers.get("Content-Type") ?? "").split(";")[0]?.trim() ?? "";
  const isJson = type === "application/json" || type.endsWith("+json");
  if (type !== "" && !isJson && !type.startsWith("text/")) {
    return new Uint8Array(await response.arrayBuffer());
  }
  const text = await response.text();
  if (type === "") return null;
  if (!isJson) return text;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw clientError(operation, "invalid_response", messageOf(error));
  }
}

/** The error of a response; its body is a text where it is not JSON, as that of a proxy. */
async function responseError(operation: string, response: Response): Promise<ApiError> {
  const headers: Record<string, string> = {};
  response.headers.forEach((value, name) => (headers[name] = value));
  const text = await response.text();
  let body: unknown = text;
  try {
    body = JSON.parse(text);
  } catch {
    // The text is the body.
  }
  return new ApiError(operation, response.status, body, headers);
}

/** Reject once *signal* is aborted, whatever *start* does. */
function untilAborted<T>(
  signal: AbortSignal,
  start: (resolve: (value: T) => void, reject: (reason: unknown) => void) => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    const ended =
      <V>(end: (value: V) => void) =>
      (value: V) => {
        signal.removeEventListener("abort", abort);
        end(value);
      };
    start(ended(resolve), ended(reject));
  });
}

/** Calls operations over both transports, and holds the sockets: one for each namespace. */
class Caller {
  readonly #options: ClientOptions;
  readonly #url: string;
  readonly #sockets = new Map<string, Socket>();
  readonly #wrappers = new WeakMap<Listener, (payload: unknown) => void>();
  readonly #waiting = new Set<{ socket: Socket; failed: (error: Error) => void }>();
  #manager: Manager | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#url = options.url.replace(/\/+$/, "");
  }

  async call<T>(operation: Operation, input: CallInput, options: CallOptions = {}): Promise<T> {
    const transport = this.#transport(operation, options.transport);
    const timeout = options.timeout ?? this.#options.timeout ?? 30_000;
    const controller = new AbortController();
    const abort = () => controller.abort(options.signal?.reason);
    if (options.signal?.aborted) abort();
    options.signal?.addEventListener("abort", abort, { once: true });
    const timer = setTimeout(() => {
      const message = `no response within ${timeout} ms`;
      controller.abort(clientError(operation.name, "timeout", message));
    }, timeout);
    const { signal } = controller;
    let result: unknown;
    try {
      result = await untilAborted<unknown>(signal, (resolve, reject) => {
        const called =
          transport === "http"
            ? this.#request(operation, input, signal)
            : this.#emit(operation, input, signal, timeout);
        called.then(resolve, reject);
      });
      return result as T;
    } finally {
      clearTimeout(timer);
      // The body of a response is read later, and the signal of the caller still ends it.
      if (!(result instanceof Response)) options.signal?.removeEventListener("abort", abort);
    }
  }

  /** Connect to *namespace*, or wait until it is connected. */
  connect(
    namespace: string,
    operation = "",
    signal = new AbortController().signal,
  ): Promise<Socket> {
    const socket = this.#socket(namespace);
    if (socket.connected) return Promise.resolve(socket);
    return untilAborted<Socket>(signal, (resolve, reject) => {
      const stop = () => {
        socket.off("connect", connected);
        socket.off("connect_error", failed);
        signal.removeEventListener("abort", stop);
        this.#waiting.delete(waiting);
      };
      const connected = () => {
        stop();
        resolve(socket);
      };
      const failed = (error: Error & { data?: unknown }) => {
        stop();
        const { data, message } = error;
        const isRefusal = isRecord(data) && typeof data["statusCode"] === "number";
        reject(
          isRefusal
            ? socketError(operation, data)
            : new ApiError(operation, 0, {
                code: "connection_error",
                message,
                ...(data !== undefined && { data }),
              }),
        );
      };
      const waiting = { socket, failed };
      this.#waiting.add(waiting);
      socket.on("connect", connected);
      socket.on("connect_error", failed);
      signal.addEventListener("abort", stop, { once: true });
      // An active socket connects already; a second packet would break the protocol.
      if (!socket.active) socket.connect();
    });
  }

  async on(route: SocketRoute, listener: Listener, params?: object): Promise<void> {
    const namespace = filledNamespace(route.namespace, params);
    this.#socket(namespace).on(route.event, this.#wrapper(listener));
    await this.connect(namespace);
  }

  off(route: SocketRoute, listener: Listener, params?: object): void {
    const namespace = filledNamespace(route.namespace, params);
    this.#socket(namespace).off(route.event, this.#wrapper(listener));
  }

  close(): void {
    const error = new Error("the client was closed");
    for (const socket of this.#sockets.values()) this.#stop(socket, error);
  }

  #transport(operation: Operation, chosen: Transport | undefined): Transport {
    if (chosen !== undefined && operation[chosen] === undefined) {
      throw new TypeError(`${operation.name} has no transport "${chosen}"`);
    }
    const transport = chosen ?? this.#options.transport ?? "http";
    if (operation[transport] !== undefined) return transport;
    return transport === "http" ? "socket" : "http";
  }

  async #request(operation: Operation, input: CallInput, signal: AbortSignal): Promise<unknown> {
    const route = operation.http as HttpRoute;
    const path = filledPath(route.path, input.params, route.rest ?? []);
    const headers = new Headers(this.#options.headers);
    const token = await provided(this.#options.token);
    if (token) headers.set("Authorization", `Bearer ${token}`);
    for (const [name, value] of entries({ ...route.headers, ...input.headers })) {
      for (const item of Array.isArray(value) ? value : [value]) {
        if (item !== null && item !== undefined) headers.append(name, String(item));
      }
    }
    const request: RequestInit & { duplex?: "half" } = { method: route.method, headers, signal };
    if (this.#options.credentials) request.credentials = this.#options.credentials;
    if (route.body && input.body !== undefined) {
      request.body = encodedBody(route.body, input.body, headers);
      if (input.body instanceof ReadableStream) request.duplex = "half";
    }
    const url = this.#url + path + queryString(route.query ?? [], input.params);
    try {
      const response = await fetch(url, request);
      if (!response.ok) throw await responseError(operation.name, response);
      if (operation.returns === "response") return response;
      if (operation.returns === "bytes") return new Uint8Array(await response.arrayBuffer());
      const value = await decoded(response, operation.name);
      return operation.returns === "nothing" || response.status === 204 ? undefined : value;
    } catch (error) {
      if (error instanceof ApiError) throw error;
      if (signal.aborted) throw signal.reason;
      throw clientError(operation.name, "connection_error", messageOf(error));
    }
  }

  async #emit(
    operation: Operation,
    input: CallInput,
    signal: AbortSignal,
    timeout: number,
  ): Promise<unknown> {
    const route = operation.socket as SocketRoute;
    const namespace = filledNamespace(route.namespace, input.params);
    const socket = await this.connect(namespace, operation.name, signal);
    const body = input.body instanceof Blob ? await input.body.arrayBuffer() : input.body;
    const isPlain = route.envelope === false;
    const sent = isPlain ? body : envelope(route, input.params, body);
    const values = await untilAborted<unknown[]>(signal, (resolve, reject) => {
      socket
        .timeout(timeout)
        .emit(
          route.event,
          ...(sent === undefined ? [] : [sent]),
          (error: Error | null, ...values: unknown[]) => {
            if (error === null) resolve(values);
            else reject(clientError(operation.name, "connection_error", error.message));
          },
        );
    });
    const content = values.length === 1 ? values[0] : values;
    if (isPlain) {
      if (isPlainError(content)) throw socketError(operation.name, content);
      return operation.returns === "nothing" ? undefined : received(content);
    }
    // An action that returns an `Acknowledgement` sends other values than this envelope.
    if (!isRecord(content) || typeof content["statusCode"] !== "number") return received(content);
    if (content["statusCode"] >= 400) throw socketError(operation.name, content);
    return operation.returns === "nothing" ? undefined : received(content["content"]);
  }

  #socket(namespace: string): Socket {
    let socket = this.#sockets.get(namespace);
    if (socket === undefined) {
      this.#manager ??= this.#newManager();
      const created = this.#manager.socket(namespace, {
        auth: (send: (auth: object) => void) => void this.#authenticate(created, send),
      });
      socket = created;
      this.#sockets.set(namespace, socket);
    }
    return socket;
  }

  #newManager(): Manager {
    const options = this.#options;
    return new Manager(this.#url, {
      path: SOCKET_PATH,
      autoConnect: false,
      withCredentials: options.credentials === "include",
      ...(options.headers && { extraHeaders: options.headers }),
    });
  }

  /** Send what the functions of the options return; if one fails, the connection fails with it. */
  async #authenticate(socket: Socket, send: (auth: object) => void): Promise<void> {
    try {
      const auth = { ...(await provided(this.#options.auth ?? {})) };
      const token = await provided(this.#options.token);
      send(token ? { ...auth, token } : auth);
    } catch (error) {
      this.#stop(socket, new Error(messageOf(error)));
    }
  }

  #stop(socket: Socket, error: Error): void {
    socket.disconnect();
    for (const waiting of [...this.#waiting]) {
      if (waiting.socket === socket) waiting.failed(error);
    }
  }

  #wrapper(listener: Listener): (payload: unknown) => void {
    let wrapper = this.#wrappers.get(listener);
    if (wrapper === undefined) {
      wrapper = (payload) => listener(received(payload) as never);
      this.#wrappers.set(listener, wrapper);
    }
    return wrapper;
  }
}
