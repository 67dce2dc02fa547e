// Each call is wrong, so that the compiler fails if it accepts one of them.

import { createClient } from "./client.js";

const client = createClient({ url: "" });

// @ts-expect-error a parameter of an event without an envelope is a field of its body
void client.joinRoom({ params: { room: "tea" } });
// @ts-expect-error a required field is missing
void client.joinRoom({ body: { seat: 1 } });
// @ts-expect-error the body is missing
void client.sendMessage();
// @ts-expect-error the event has no body
void client.leave({ body: 1 });
// @ts-expect-error the event is sent over Socket.IO only
void client.leave({}, { transport: "http" });
