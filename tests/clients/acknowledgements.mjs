import { connect, report } from "./client.mjs";

const socket = await connect();
const answers = {
  success: await socket.emitWithAck("greet", { params: { name: "Ada" }, body: { polite: true } }),
  value: await socket.emitWithAck("echo", ["any", { other: "value" }]),
  several: await socket.emitWithAck("echo", 1, "two", null),
  nothing: await socket.emitWithAck("echo"),
  refused: await socket.emitWithAck("refuse", {}),
  failed: await socket.emitWithAck("fail", {}),
  stream: await socket.emitWithAck("stream"),
  params: await socket.emitWithAck("echo", { params: 5 }),
  unknown: await socket.emitWithAck("there_is_no_such_event", {}),
};
socket.emit("echo", "without an acknowledgement");
answers.after = await socket.emitWithAck("echo", "still there");
report(answers);
