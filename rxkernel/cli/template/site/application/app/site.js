// Shows new messages as they are sent, and sends those of the form.

const list = document.querySelector("#messages");
const status = document.querySelector("#status");
const form = document.querySelector("#write");

const events = new EventSource("/events.sse");
events.onopen = () => { status.textContent = "Connected"; };
events.onerror = () => { status.textContent = "Not connected"; };
events.addEventListener("reset", () => location.reload());
events.addEventListener("message", ({ data }) => {
  const { name, text } = JSON.parse(data);
  const item = document.createElement("li");
  const by = document.createElement("b");
  by.textContent = name;
  item.append(by, ` ${text}`);
  list.append(item);
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const response = await fetch(form.action, { method: "POST", body: new FormData(form) });
  if (response.ok) form.elements.text.value = "";
  else status.textContent = (await response.json()).message;
});
