// Calls the endpoints of `api` with the client of Metacom. `api` and `metacom` are for the console.

const ROOM = "Room1";
const show = (id, text) => (document.getElementById(id).textContent = text);

const { Metacom } = await import("metacom").catch((error) => {
  show("status", "The client is missing: run npm install, which runs node copy_client.js");
  throw error;
});

const metacom = Metacom.create(location.origin.replace("http", "ws"));
const { api } = metacom;
Object.assign(window, { api, metacom });

const loadUnits = async () => {
  await metacom.load("auth", "chat", "example", "example.1", "example.2");
  api.chat.on("message", ({ message }) => {
    const item = document.createElement("li");
    item.textContent = message;
    document.getElementById("messages").append(item);
  });
};

// The client repeats nothing on a new connection, not even calls that the old one has lost.
metacom.on("open", async () => {
  if (!api.chat) await loadUnits();
  await api.chat.subscribe({ room: ROOM });
  show("status", "Live");
  const city = await api.example.getCity({ cityId: 1 });
  show("city", city.name);
});
metacom.on("close", () => show("status", "Not connected"));

const form = document.getElementById("chat");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { message } = form.elements;
  await api.chat.send({ room: ROOM, message: message.value });
  message.value = "";
});
