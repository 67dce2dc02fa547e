import { connect, next, report } from "./client.mjs";

const socket = await connect();
const sent = Buffer.from([0, 1, 2, 253, 254, 255]);
const pushed = next(socket, "bytes");
const echo = await socket.emitWithAck("echo", { body: { name: "six", data: sent } });
const large = await socket.emitWithAck("echo", Buffer.alloc(200_000, 7));
const empty = await socket.emitWithAck("echo", Buffer.alloc(0));
report({
  isBuffer: Buffer.isBuffer(echo.content.data),
  same: sent.equals(echo.content.data),
  name: echo.content.name,
  large: Buffer.alloc(200_000, 7).equals(large.content),
  empty: Buffer.isBuffer(empty.content) && empty.content.length === 0,
  length: await socket.emitWithAck("length", sent),
  pushed: [...(await pushed).data],
});
