// Sends one body, in the media type of the documents.

import { createClient } from "./client.js";
import { report, url } from "./report.js";

const client = createClient({ url });
report(await client.login({ body: { name: "Ada & Bob", remember: true } }));
