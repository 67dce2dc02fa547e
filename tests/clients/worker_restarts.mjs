import { setTimeout as sleep } from "node:timers/promises";
import { io } from "socket.io-client";
import { report } from "./client.mjs";

// Clients that send events with acknowledgements while a supervisor replaces its workers, whose ids
// are given. Each continues until a new worker has acknowledged three of its events.
const [, , url, supervisor, workers, number] = process.argv;
const old = new Set(workers.split(",").map(Number));
const transports = [["polling"], ["websocket"], ["polling", "websocket"]];
const acknowledged = [];
const reconnected = new Set();
let unanswered = 0;
let begun = 0;

async function run(index) {
  const socket = io(url, {
    transports: transports[index % 3],
    forceNew: true,
    reconnectionDelay: 50,
    reconnectionDelayMax: 500,
    extraHeaders: { "X-Forwarded-For": `203.0.${index >> 8}.${index & 255}` },
  });
  let connections = 0;
  socket.on("connect", () => {
    if (++connections > 1) reconnected.add(index);
  });
  let served = 0;
  for (let event = 0; served < 3; event++) {
    const id = `${index}.${event}`;
    await sleep(20); // 50 events per second leave the CPU to the new workers
    try {
      const content = await socket.timeout(30000).emitWithAck("count", { id });
      if (content.statusCode === 503) continue; // the server is stopping
      acknowledged.push(id);
      if (!old.has(content)) served++;
    } catch {
      unanswered++; // the connection was lost
    }
    if (event === 2 && ++begun === Number(number)) process.kill(Number(supervisor), "SIGHUP");
  }
  socket.close();
}

await Promise.all([...Array(Number(number)).keys()].map(run));
report({ acknowledged, unanswered, reconnected: reconnected.size });
