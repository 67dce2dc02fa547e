// Each call is wrong, so that the compiler fails if it accepts one of them.

import { createClient, isErrorOf, type Client } from "./client.js";

export async function wrong(client: Client): Promise<void> {
  // @ts-expect-error: a required parameter is missing.
  await client.thingDelete();
  // @ts-expect-error: a required parameter is missing.
  await client.thingDelete({ params: {} });
  // @ts-expect-error: the id is a number.
  await client.thingDelete({ params: { id: "1" } });
  // @ts-expect-error: no such parameter.
  await client.hello({ params: { nam: "Ada" } });
  // @ts-expect-error: it has no input.
  await client.maybe({ params: {} });
  // @ts-expect-error: not a member of the enum.
  await client.thingEcho({ params: { id: 1 }, body: { size: "huge" } });
  // @ts-expect-error: the result is a text.
  const length: number = await client.hello();
  // @ts-expect-error: it may be null.
  const name: string = (await client.maybe()).name;
  // @ts-expect-error: the header is missing.
  await client.filePath({ params: { path: "a" } });
  // @ts-expect-error: HTTP only.
  await client.login({ body: { name: "Ada" } }, { transport: "socket" });
  // @ts-expect-error: Socket.IO only.
  await client.say({ params: { room: 1, text: "" } }, { transport: "http" });
  // @ts-expect-error: no such event.
  await client.on("shouted", () => undefined);
  // @ts-expect-error: the parameters of the namespace are missing.
  await client.on("/rooms/{room}:said", () => undefined);
  // @ts-expect-error: the payload is a branch.
  await client.on("/rooms/{room}:said", (text: string) => text, { room: 1 });
  try {
    await client.orderCreate({ params: { amount: 1 } });
  } catch (error) {
    // @ts-expect-error: no such code.
    if (isErrorOf("orderCreate", error) && error.code === "sold") throw error;
    // @ts-expect-error: no such operation.
    if (isErrorOf("orderDelete", error)) throw error;
  }
  // @ts-expect-error: the address is missing.
  createClient({});
  void [length, name];
}
