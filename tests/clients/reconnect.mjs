import { next, open, report } from "./client.mjs";

const socket = open("/", { reconnectionDelay: 20, reconnectionDelayMax: 100 });
await next(socket, "connect");
const first = { id: socket.id, answer: await socket.emitWithAck("generation") };
const [reason] = [await next(socket, "disconnect")].flat();
await next(socket, "connect");
const second = { id: socket.id, answer: await socket.emitWithAck("generation") };
report({ first, reason, second });
