import { setTimeout as sleep } from "node:timers/promises";
import WebSocket from "ws";
import { report } from "./client.mjs";

// Clients over WebSocket that connect again as socket.io-client does: after 0.5 to 1.5 seconds, then
// twice as long, 5 seconds at most. All of one worker lose their connections, then all clients do.
const [, , url, , workers, number] = process.argv;
const address = `${url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`;
const count = Number(number);
let connected = 0;
let attempts = 0;
let change = () => {};

class Client {
  constructor(index) {
    this.headers = { "X-Forwarded-For": `203.0.${index >> 8}.${index & 255}` };
    this.failures = 0;
    this.answered = () => {};
    this.connect();
  }

  connect() {
    attempts++;
    let isConnected = false;
    const socket = (this.socket = new WebSocket(address, { headers: this.headers }));
    socket.on("message", (data) => {
      const text = data.toString();
      if (text.startsWith("0")) socket.send("40");
      else if (text === "2") socket.send("3");
      else if (text.startsWith("40")) {
        isConnected = true;
        this.failures = 0;
        connected++;
        change();
      } else if (text.startsWith("43")) this.answered(JSON.parse(text.slice(3))[0].content);
    });
    socket.on("error", () => {});
    socket.on("close", async () => {
      if (isConnected) connected--;
      this.answered(null);
      const delay = Math.min(1000 * 2 ** this.failures++, 5000) * (0.5 + Math.random());
      await sleep(delay);
      this.connect();
    });
  }

  // The id of the process that responds; null if the connection was lost.
  ask() {
    return new Promise((resolve) => {
      this.answered = resolve;
      this.socket.send('421["pid"]');
    });
  }
}

function all() {
  return new Promise((resolve) => {
    change = () => connected === count && resolve();
    change();
  });
}

async function storm(pids) {
  const [begin, before] = [performance.now(), attempts];
  for (const pid of pids) process.kill(pid, "SIGKILL");
  while (connected === count) await sleep(1);
  await all();
  const seconds = Math.round((performance.now() - begin) / 10) / 100;
  return { seconds, attempts: attempts - before };
}

const clients = [];
for (let index = 0; index < count; index++) {
  clients.push(new Client(index));
  if (index % 100 === 99) await sleep(20);
}
await all();
const pids = await Promise.all(clients.map((client) => client.ask()));
const [first, second] = workers.split(",").map(Number);
const held = clients.filter((_, index) => pids[index] === second);

// the clients of the second worker send an event every second, while those of the first connect
let isOver = false;
let lost = 0;
let answers = 0;
const asking = Promise.all(
  held.map(async (client) => {
    await sleep(1000 * Math.random());
    while (!isOver) {
      if ((await client.ask()) === second) answers++;
      else lost++;
      await sleep(1000);
    }
  }),
);
const half = await storm([first]);
isOver = true;
await asking;
const current = new Set(await Promise.all(clients.map((client) => client.ask())));
report({ held: held.length, lost, answers, half, all: await storm([...current]) });
process.exit();
