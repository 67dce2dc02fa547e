// The real socket.io-client: refused with a bad token, served with a good one, and its expiry.

import { connect, next, open, report } from "../../clients/client.mjs";

const [, , , , good, short, other] = process.argv;

async function refusal(auth) {
  const socket = open("/", { auth, reconnection: false });
  const error = await next(socket, "connect_error");
  return [error.message, error.data.statusCode];
}

const refused = await refusal({ token: "wrong" });
const stranger = await connect("/", {});
const anonymous = await stranger.emitWithAck("article_list", {});
const login = await stranger.emitWithAck("security_authenticate", { params: { bearer: other } });
const authenticated = await stranger.emitWithAck("article_list", {});

const ada = await connect("/", { auth: { token: good } });
const listed = await ada.emitWithAck("article_list", {});
const forbidden = await ada.emitWithAck("article_delete", { params: { slug: "x" } });

const expiring = await connect("/", { auth: { token: short }, reconnection: false });
const told = next(expiring, "security_expired");
const gone = next(expiring, "disconnect");
report({
  refused,
  anonymous: anonymous.statusCode,
  login: login.statusCode,
  authenticated: authenticated.content,
  listed: listed.content,
  forbidden: forbidden.statusCode,
  told: await told,
  gone: (await gone)[0],
});
