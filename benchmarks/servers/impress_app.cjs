// impress with one method: node impress_app.cjs DIRECTORY_OF_NODE_MODULES
// It reads an application from the working directory, so one is written to a temporary directory.

const { copyFileSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } = require("node:fs");
const { connect, createServer } = require("node:net");
const { createRequire } = require("node:module");
const { tmpdir } = require("node:os");
const { dirname, join } = require("node:path");

const folder = process.argv[2];
const root = mkdtempSync(join(tmpdir(), "impress-"));

const write = (name, text) => {
  const path = join(root, "application", name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};

const config = (name, values) => write(`config/${name}.js`, `(${JSON.stringify(values)});\n`);

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

const untilOpen = (port) => {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => setTimeout(untilOpen, 20, port));
  socket.on("connect", () => {
    socket.destroy();
    process.stdout.write(`Listening on http://127.0.0.1:${port}\n`);
  });
};

const main = async () => {
  const port = await freePort();
  for (const place of ["bus", "cert", "db", "domain", "lib", "resources", "schemas", "static", "tasks"]) {
    mkdirSync(join(root, "application", place), { recursive: true });
  }
  mkdirSync(join(root, "log"));
  write(
    "api/example/add.js",
    `({
  access: 'public',
  parameters: { a: 'number', b: 'number' },
  method: async ({ a, b }) => a + b,
  returns: 'number',
});
`,
  );
  config("log", { keepDays: 1, writeInterval: 3000, writeBuffer: 65536, toFile: [], toStdout: [] });
  config("scale", { cloud: "c", server: "s", instance: "standalone", token: "secret", gc: 0 });
  config("server", {
    host: "127.0.0.1",
    protocol: "http",
    ports: [port],
    nagle: false,
    timeouts: { bind: 2000, start: 30000, stop: 5000, request: 5000, watch: 1000, test: 60000 },
    queue: { concurrency: 1000, size: 2000, timeout: 3000 },
    scheduler: { concurrency: 10, size: 2000, timeout: 3000 },
    workers: { pool: 0, wait: 2000, timeout: 5000 },
    cors: { origin: "*" },
  });
  config("sessions", {
    sid: "token",
    characters: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
    length: 64,
    secret: "secret",
    regenerate: 60000,
    expire: 60000,
    persistent: true,
    limits: { ip: 20, user: 5 },
  });
  copyFileSync(join(folder, "package.json"), join(root, "package.json"));
  symlinkSync(join(folder, "node_modules"), join(root, "node_modules"));
  process.chdir(root);
  console.info = () => {}; // its first line would be read as ours
  createRequire(join(folder, "package.json"))("impress");
  untilOpen(port);
};

main();
