import { connect, next, open, report } from "./client.mjs";

const socket = await connect("/chat", { auth: { name: "ada" } });
const echoed = [];
for (const value of [{ x: 1 }, {}, null, "text", [1, 2]]) {
  echoed.push(await socket.emitWithAck("echo", value));
}
const binary = await socket.emitWithAck("echo", Buffer.from([0, 255]));
const nothing = await socket.emitWithAck("echo");
const joined = await socket.emitWithAck("join_room", { room: "tea" });

const message = next(socket, "echo_response");
socket.emit("shout", "hello");
const heard = await message;

const bad = await socket.emitWithAck("bad");
const error = next(socket, "error");
socket.emit("bad");
const unacknowledged = await error;

const unknown = [];
for (const name of ["_hidden", "helper", "constructor"]) {
  unknown.push((await socket.emitWithAck(name, {})).message);
}

socket.emit("echo", {}, 123);
const alive = await socket.emitWithAck("echo", "alive");

const refusedSocket = open("/chat", { auth: { name: "eve" }, reconnection: false });
const refusal = await next(refusedSocket, "connect_error");
const ghost = open("/ghost", { reconnection: false });
const invalid = await next(ghost, "connect_error");

report({
  echoed,
  binary: [...new Uint8Array(binary)],
  nothing,
  joined,
  heard,
  bad,
  unacknowledged,
  unknown,
  alive,
  refused: { message: refusal.message, data: refusal.data },
  invalid: invalid.message,
});
