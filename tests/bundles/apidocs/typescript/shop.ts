// Calls routes whose JSON Schemas are in a route file.

import { createClient, type ShopAddInput, type ShopSearchInput } from "./client.js";
import { failure, report, url } from "./report.js";

const client = createClient({ url });
const headers = { "x-tenant": "one" };

const input: ShopAddInput = { body: { name: "Bob", age: 7 } };
const added: { id: number; name: string } = await client.shopAdd(input);
const search: ShopSearchInput = { params: { q: "B", tag: ["a", "b"] }, headers };
const found: { id: number; name: string }[] = await client.shopSearch(search);

report({
  added,
  found,
  limited: await client.shopSearch({ params: { q: "", limit: 1 }, headers }),
  user: await client.shopUserPatch({ params: { id: 1 } }),
  missing: await failure(client.shopUser({ params: { id: 9 } })),
  invalid: await failure(client.shopAdd({ body: { name: "B" } })),
});
client.close();
