import { connect, report } from "./client.mjs";

const socket = await connect();
const numbers = [...Array(Number(process.argv[4])).keys()];
const answered = [];
await Promise.all(
  numbers.map(async (number) => {
    await socket.emitWithAck("step", number);
    answered.push(number);
  }),
);
report(answered);
