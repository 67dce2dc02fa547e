// socket.io for Node, all options default: node --expose-gc node_app.mjs DIRECTORY_OF_NODE_MODULES

import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { performance } from "node:perf_hooks";

const { Server } = createRequire(join(process.argv[2], "package.json"))("socket.io");

const WORK = 50; // milliseconds that the handler `work` takes
const http = createServer();
const io = new Server(http);
let ran = 0;

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
    process.exit(0);
  });
});
