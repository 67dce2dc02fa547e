import { connect, report } from "./client.mjs";

const socket = await connect();
socket.on("add", (a, b, answer) => answer(a + b));
socket.on("split", (text, answer) => answer(...text.split(" ")));
socket.on("mirror", (data, answer) => answer(data));
socket.on("hush", () => {});
report({
  one: await socket.emitWithAck("call", ["add", 2, 3]),
  several: await socket.emitWithAck("call", ["split", "one two"]),
  binary: [...(await socket.emitWithAck("call_bytes")).content],
  never: await socket.emitWithAck("call_hush"),
});
