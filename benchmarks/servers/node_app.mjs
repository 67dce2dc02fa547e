// socket.io for Node, all options default: node --expose-gc node_app.mjs DIRECTORY_OF_NODE_MODULES
// With the environment variable REDIS_URL it uses @socket.io/redis-adapter.

import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { performance } from "node:perf_hooks";

const require = createRequire(join(process.argv[2], "package.json"));
const { Server } = require("socket.io");

const WORK = 50; // milliseconds that the handler `work` takes
const http = createServer();
const io = new Server(http);
await useRedis(process.env.REDIS_URL);
let ran = 0;

async function useRedis(url) {
  if (!url) return;
  const { createAdapter } = require("@socket.io/redis-adapter");
  const publisher = require("redis").createClient({ url });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  io.adapter(createAdapter(publisher, subscriber));
}

const acknowledgement = (content) => ({ statusCode: 200, headers: {}, content });

function broadcast(body) {
  const begin = performance.now();
  io.emit("news", body);
  return (performance.now() - begin) / 1000;
}

function liveObjects() {
  global.gc();
  return { clients: io.engine.clientsCount, sockets: io.of("/").sockets.size };
}

io.on("connection", (socket) => {
  socket.on("echo", (message, acknowledge) => acknowledge(acknowledgement(message.body)));
  socket.on("work", (message, acknowledge) => {
    ran += 1;
    setTimeout(() => acknowledge(acknowledgement(message.body)), WORK);
  });
  socket.on("broadcast", (message, acknowledge) =>
    acknowledge(acknowledgement(broadcast(message.body))),
  );
  socket.on("collect", (message, acknowledge) => acknowledge(acknowledgement(liveObjects())));
});

http.listen(0, "127.0.0.1", () => {
  console.log(`Listening on http://127.0.0.1:${http.address().port}`);
});

process.on("SIGTERM", () => {
  io.close(() => {
    console.log(`ran ${ran}`);
    process.exit(0); // also with connections to Redis
  });
});
