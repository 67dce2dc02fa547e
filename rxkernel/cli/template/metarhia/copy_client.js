// Copies the client of Metacom to the folder of static files. `npm install` runs it.

import { copyFileSync, mkdirSync } from "node:fs";

const FOLDER = "application/static/metacom";

mkdirSync(FOLDER, { recursive: true });
for (const name of ["metacom.js", "streams.js"]) {
  copyFileSync(`node_modules/metacom/dist/${name}`, `${FOLDER}/${name}`);
}
