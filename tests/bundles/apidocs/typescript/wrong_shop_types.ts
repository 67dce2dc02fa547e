// Each call is wrong, so that the compiler fails if it accepts one of them.

import { createClient } from "./client.js";

const client = createClient({ url: "" });
const headers = { "x-tenant": "one" };

// @ts-expect-error a required field of the body is missing
void client.shopAdd({ body: { age: 7 } });
// @ts-expect-error the body has no other fields
void client.shopAdd({ body: { name: "Bob", size: 1 } });
// @ts-expect-error a required parameter of the query is missing
void client.shopSearch({ params: {}, headers });
// @ts-expect-error a required header is missing
void client.shopSearch({ params: { q: "" } });
// @ts-expect-error the parameter is a number
void client.shopSearch({ params: { q: "", limit: "1" }, headers });
// @ts-expect-error the parameter of the path is a number
void client.shopUser({ params: { id: "1" } });
// @ts-expect-error the response has no such field
void client.shopUser({ params: { id: 1 } }).then((user) => user.password);
