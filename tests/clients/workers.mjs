import { Agent } from "node:http";
import { io } from "socket.io-client";
import { report } from "./client.mjs";

// Clients behind a proxy: their sessions are on both workers, and share a pool of connections.
const [, , url, transports, number, keptAlive] = process.argv;
const agent = new Agent({ keepAlive: keptAlive === "true" });
const errors = [];

async function run(index) {
  const socket = io(url, {
    transports: transports.split(","),
    forceNew: true,
    reconnection: false,
    agent,
    extraHeaders: { "X-Forwarded-For": `203.0.${index >> 8}.${index & 255}` },
  });
  socket.on("connect_error", (error) => errors.push(`connect: ${error.message}`));
  socket.on("disconnect", (reason) => {
    if (reason !== "io client disconnect") errors.push(`disconnect: ${reason}`);
  });
  const pids = new Set();
  try {
    for (let i = 0; i < 5; i++) pids.add((await socket.timeout(20000).emitWithAck("pid")).content);
  } catch (error) {
    errors.push(`acknowledgement: ${error.message}`);
  }
  const transport = socket.io.engine.transport?.name;
  socket.close();
  return { pids: [...pids], transport };
}

const results = await Promise.all([...Array(Number(number)).keys()].map(run));
report({
  errors,
  most: Math.max(...results.map(({ pids }) => pids.length)),
  pids: [...new Set(results.flatMap(({ pids }) => pids))],
  transports: [...new Set(results.map(({ transport }) => transport))],
});
