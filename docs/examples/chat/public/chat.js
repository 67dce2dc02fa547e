// The page of the chat. Texts of users are only ever set as `textContent`, never as HTML.

const TIMEOUT = 10_000; // milliseconds
const SILENCE = 2_000; // milliseconds after which a person has stopped typing

const element = (id) => document.getElementById(id);
const [state, problem, announcement, login, chat] = [
  "state", "problem", "announcement", "login", "chat",
].map(element);
const [rooms, users, messages, typing] = ["rooms", "users", "messages", "typing"].map(element);
const [username, content, newRoom, title] = ["username", "content", "new-room", "room"].map(element);

const me = { name: null, room: null };
const shown = new Set(); // ids of messages on the page
const typists = new Map(); // name → timer
let lastTyping = 0;

// -- requests --------------------------------------------------------------------------------

async function send(event, data) {
  const answer = await socket.timeout(TIMEOUT).emitWithAck(event, data);
  if (answer.status === "success") return answer;
  throw new Error([answer.message, ...(answer.errors ?? []).map((e) => `${e.path} ${e.message}`)].join(": "));
}

// Runs what a person did, and shows the error if it fails.
async function attempt(action) {
  problem.hidden = true;
  try {
    await action();
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
  }
}

function on(form, action) {
  element(form).addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(action);
  });
}

// -- drawing ---------------------------------------------------------------------------------

function item(text, className = "") {
  const line = document.createElement("li");
  line.textContent = text;
  line.className = className;
  return line;
}

function drawMessage({ id, type, username: author, content: text }) {
  if (shown.has(id)) return; // it was in the history too
  shown.add(id);
  messages.append(type === "system" ? item(text, "system") : item(`${author}: ${text}`));
  messages.scrollTop = messages.scrollHeight;
}

function drawUsers(names) {
  users.replaceChildren(...names.map((name) => item(name)));
}

function drawRooms(list) {
  rooms.replaceChildren(
    ...list.map(({ name, userCount }) => {
      const line = item("");
      const button = document.createElement("button");
      button.textContent = `${name} (${userCount})`;
      if (name === me.room) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => attempt(() => join(name)));
      line.append(button);
      return line;
    }),
  );
}

function drawTyping() {
  const names = [...typists.keys()];
  typing.textContent = names.length ? `${names.join(", ")} …` : "";
}

function stopTyping(name) {
  clearTimeout(typists.get(name));
  typists.delete(name);
  drawTyping();
}

// Shows a room that this client is in now.
function enter(room, { roomUsers, recentMessages }) {
  me.room = room;
  title.textContent = room;
  shown.clear();
  messages.replaceChildren();
  [...typists.keys()].forEach(stopTyping);
  recentMessages.forEach(drawMessage);
  drawUsers(roomUsers);
}

// -- what a person does ----------------------------------------------------------------------

async function logIn(name) {
  const answer = await send("login", { username: name });
  me.name = answer.user.username;
  enter(answer.user.room, answer);
  drawRooms(answer.availableRooms);
  login.hidden = true;
  chat.hidden = false;
  content.focus();
}

async function join(room) {
  const answer = await send("join_room", { room });
  enter(answer.room, answer);
  drawRooms((await send("get_available_rooms")).rooms);
}

on("login", () => logIn(username.value));
on("create", async () => {
  await join(newRoom.value);
  newRoom.value = "";
});
on("send", async () => {
  await send("send_message", { content: content.value });
  content.value = "";
  lastTyping = 0;
});
content.addEventListener("input", () => {
  if (Date.now() - lastTyping < SILENCE / 2) return;
  lastTyping = Date.now();
  socket.emit("typing", { isTyping: true });
});

// -- what the server sends -------------------------------------------------------------------

const client = await import("/socket.io-client.js").catch(() => null);
if (client === null) {
  state.textContent = "socket.io-client is missing: run npm install socket.io-client";
  throw new Error(state.textContent);
}
const socket = client.io("/chat");

socket.on("connect", () => {
  const { name, room } = me;
  if (name === null) login.hidden = false;
  attempt(async () => {
    // After a lost connection the client is not logged in any more: log in again, to the same room.
    if (name !== null) await logIn(name);
    if (room !== me.room) await join(room);
    chat.inert = false;
    state.textContent = "Live";
  });
});
socket.on("disconnect", () => {
  chat.inert = true;
  state.textContent = "Not connected";
});
socket.on("connect_error", (error) => (state.textContent = `Not connected: ${error.message}`));
socket.on("new_message", (message) => {
  stopTyping(message.username);
  if (message.room === me.room) drawMessage(message);
});
for (const event of ["user_joined", "user_left"]) {
  socket.on(event, ({ username: name, message, roomUsers }) => {
    if (message.room !== me.room) return;
    if (event === "user_left") stopTyping(name);
    drawMessage(message);
    drawUsers(roomUsers);
  });
}
socket.on("available_rooms", (data) => me.name !== null && drawRooms(data.rooms));
socket.on("user_typing", ({ username: name, isTyping }) => {
  stopTyping(name);
  if (isTyping) typists.set(name, setTimeout(stopTyping, SILENCE, name));
  drawTyping();
});
socket.on("announcement", (data) => {
  announcement.textContent = data.content;
  announcement.hidden = false;
});
