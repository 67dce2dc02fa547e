// The sample application: tasks over both transports, pushed events, a private task with a token.

import { createClient, type Task, type Transport } from "./client.js";
import { failure, report, url } from "./report.js";

const listener = createClient({ url });
const events: string[] = [];
const expected = 6;
const all = new Promise<void>((resolve) => {
  const add = (text: string) => {
    if (events.push(text) === expected) resolve();
  };
  void listener.on("task_created", (task) => add(`created ${task.title}`));
  void listener.on("task_changed", (task: Task) => add(`changed ${task.done}`));
  void listener.on("task_deleted", (gone) => add(`deleted ${Object.keys(gone)}`));
});
await listener.connect();

const titles: string[] = [];
for (const transport of ["http", "socket"] satisfies Transport[]) {
  const client = createClient({ url, transport });
  const { id } = (await client.taskCreate({ body: { title: `by  ${transport}` } })) as Task;
  const task = await client.taskShow({ params: { id } });
  titles.push(task.title);
  await client.taskChange({ params: { id }, body: { done: true } });
  await client.taskDelete({ params: { id } });
  titles.push(...(await client.taskList()).map((each) => each.title));
  titles.push(JSON.stringify(await failure(client.taskShow({ params: { id } }))));
  client.close();
}
await all;

const account = { username: "ada", password: "correct horse" };
await listener.accountCreate({ body: account });
const { token } = (await listener.securityLogin({ body: account })) as { token: string };
const ada = createClient({ url, token, transport: "socket" });
await ada.taskCreatePrivate({ body: { title: "secret" } });

report({
  events,
  titles,
  anonymous: await failure(listener.taskCreatePrivate({ body: { title: "secret" } })),
  profiles: [await listener.accountShow(), await ada.accountShow()],
  csv: (await (await ada.taskCsv()).text()).split(",").includes("secret"),
});
listener.close();
ada.close();
