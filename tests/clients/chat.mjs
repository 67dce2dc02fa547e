// The chat of docs/examples/chat: the cases of IOServer's tests, and rooms, typing and presence.

import { connect, next, open, report } from "./client.mjs";

const ada = await connect("/chat");
const bob = await connect("/chat");

const notLoggedIn = await ada.emitWithAck("send_message", { content: "test" });
const empty = await ada.emitWithAck("login", { username: "" });
const spaces = await ada.emitWithAck("login", { username: "  " });
const login = await ada.emitWithAck("login", { username: "Ada" });
const again = await ada.emitWithAck("login", { username: "Ada" });
const taken = await bob.emitWithAck("login", { username: "ADA" });
const joined = next(ada, "user_joined");
const loginOfBob = await bob.emitWithAck("login", { username: "bob" });

const heard = next(bob, "new_message");
const own = next(ada, "new_message");
ada.emit("send_message", { content: " <b>Hello</b> World! " });
const message = await heard;

const typing = next(bob, "user_typing");
ada.emit("typing", { isTyping: true });

// A room may have the id of another client as its name.
const left = next(ada, "user_left");
const moved = await bob.emitWithAck("join_room", { room: ada.id });
const received = [];
ada.on("new_message", (data) => received.push(data.content));
await bob.emitWithAck("send_message", { content: "nobody hears me" });
const rooms = await ada.emitWithAck("get_available_rooms");
const quiet = [...received];
const here = await ada.emitWithAck("get_room_users");

// Two moves at the same time end in one room.
await Promise.all(["tea", "rum"].map((room) => bob.emitWithAck("join_room", { room })));
await ada.emitWithAck("join_room", { room: "tea" });
await ada.emitWithAck("send_message", { content: "only tea" });
const overheard = [];
bob.on("new_message", (data) => overheard.push(data.content));
await bob.emitWithAck("send_message", { content: "rum" });

const back = await bob.emitWithAck("join_room", { room: " General " });
const wrong = [
  await bob.emitWithAck("join_room", { room: " " }),
  await bob.emitWithAck("login", { username: 7 }),
  await bob.emitWithAck("send_message", { content: "x".repeat(2001) }),
  await bob.emitWithAck("typing", {}),
].map((answer) => answer.statusCode);

await ada.emitWithAck("join_room", { room: "general" });
const gone = next(ada, "user_left");
bob.close();
const announced = await gone;

const floods = await Promise.all(
  Array.from({ length: 60 }, () => ada.emitWithAck("get_available_rooms")),
);

const stranger = open("/admin", { auth: { key: "wrong" }, reconnection: false });
const refused = await next(stranger, "connect_error");
const admin = open("/admin", { auth: { key: "the key" } });
const update = await next(admin, "health_update");

report({
  notLoggedIn: notLoggedIn.message,
  empty: [empty, spaces].map(({ status, message, statusCode }) => [status, message, statusCode]),
  login: { status: login.status, user: login.user, users: login.roomUsers },
  again: again.message,
  taken: [taken.status, taken.message],
  joined: (await joined).message.content,
  history: loginOfBob.recentMessages.map((one) => one.content),
  message: { username: message.username, room: message.room, content: message.content },
  own: (await own).id === message.id,
  typing: await typing,
  left: (await left).message.content,
  moved: [moved.status, moved.roomUsers],
  quiet,
  rooms: rooms.rooms.map(({ userCount }) => userCount),
  here: here.users,
  overheard,
  back: [back.room, back.recentMessages.map((one) => one.content)],
  wrong,
  announced: [announced.username, announced.roomUsers],
  floods: floods.some((answer) => answer.statusCode === 429),
  refused: refused.message,
  update: [update.status, typeof update.memoryMb, typeof update.cpuPercent, typeof update.databaseMs],
});
