// Copies the client of Metacom to the folder of static files. `npm install` runs it.

import { copyFileSync, mkdirSync } from "node:fs";

const FOLDER = "application/static/metacom";
const FILES = {
  "metacom.js": "node_modules/metacom/dist/metacom.js",
  "streams.js": "node_modules/metacom/dist/streams.js",
  "metautil.js": "node_modules/metautil/metautil.mjs",
};

mkdirSync(FOLDER, { recursive: true });
for (const [name, file] of Object.entries(FILES)) copyFileSync(file, `${FOLDER}/${name}`);
