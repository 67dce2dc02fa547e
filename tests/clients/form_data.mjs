// Sends FormData with a Blob, a File and nested names, and prints the response.
const [url] = process.argv.slice(2);
const form = new FormData();
form.append("meta", new Blob(['{"title":"Sea","stars":3}'], {type: "application/json"}));
form.append("document", new File(['{"x":'], "data.json", {type: "application/json"}));
form.append("rows[0][at]", "10:00");
form.append("rows[0][photo]", new File(["GIF"], "a.gif", {type: "image/gif"}));
form.append("rows[2][at]", "11:30");
const response = await fetch(url, {method: "POST", body: form});
console.log(JSON.stringify([response.status, await response.json()]));
