import { connect, next, open, report } from "./client.mjs";

async function refusal(auth) {
  const socket = open("/", { auth, reconnection: false });
  const error = await next(socket, "connect_error");
  return { message: error.message, data: error.data, connected: socket.connected };
}

const refused = await refusal({ token: "wrong" });
const broken = await refusal({ token: "crash" });
const strange = await refusal({ token: [null] });
const socket = await connect("/", { auth: { token: "secret" } });
report({ refused, broken, strange, admitted: await socket.emitWithAck("whoami") });
