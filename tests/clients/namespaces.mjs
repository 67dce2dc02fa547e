import { connect, next, open, report } from "./client.mjs";

const root = await connect("/");
const [ann, bob, eve] = await Promise.all([connect("/chat"), connect("/chat"), connect("/chat")]);
const heard = { root: [], ann: [], bob: [], eve: [] };
for (const [name, socket] of Object.entries({ root, ann, bob, eve })) {
  socket.onAny((event, value) => heard[name].push([event, value]));
}

const where = [await root.emitWithAck("where"), await ann.emitWithAck("where")];
for (const socket of [ann, bob]) await socket.emitWithAck("join", { params: { room: "tea" } });
await ann.emitWithAck("say", { params: { room: "tea" }, body: "to the others in the room" });
await ann.emitWithAck("say", { body: "to all others" });
await bob.emitWithAck("leave", { params: { room: "tea" } });
await ann.emitWithAck("say", { params: { room: "tea" }, body: "to nobody" });

// When this later response arrives, all earlier packets of the socket have arrived.
for (const socket of [root, ann, bob, eve]) await socket.emitWithAck("where");
const nowhere = open("/nowhere", { reconnection: false });
const error = await next(nowhere, "connect_error");
report({ where: where.map(({ content }) => content), heard, nowhere: { message: error.message, data: error.data } });
