import { connect, next, report } from "./client.mjs";

const [, , url] = process.argv;

// Like a browser: log in over HTTP, keep the cookie, send it with the handshake.
async function post(path, cookie) {
  const response = await fetch(url + path, { method: "POST", headers: cookie ? { cookie } : {} });
  return response.headers.getSetCookie().map((header) => header.split(";")[0])[0];
}

const cookie = await post("/login?user=ada");
const browser = await connect("/", { extraHeaders: { cookie } });
const ofCookie = await browser.emitWithAck("about");

// A client without cookies: the acknowledgement of its first write contains the session.
const app = await connect("/");
const written = await app.emitWithAck("put", { params: { name: "tea", value: "3" } });
app.close();
const again = await connect("/", { auth: { session: written.headers.Session } });
const ofAuth = await again.emitWithAck("get");

// A logout in another window closes the sockets of the session.
const gone = next(browser, "disconnect");
await post("/logout", cookie);
const reason = (await gone)[0] ?? (await gone);

// A logout over a socket is acknowledged, then the socket is closed.
const closed = next(again, "disconnect");
const bye = await again.emitWithAck("logout");
await closed;

const dead = await connect("/", { auth: { session: written.headers.Session } });
const after = await dead.emitWithAck("get");

report({
  user: ofCookie.content[2],
  values: ofAuth.content,
  reason,
  bye: bye.content,
  after: after.content,
});
