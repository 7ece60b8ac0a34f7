// Keys of the gateway: listed, made (shown once), revoked.
import { manage } from "../api.js";
import { bars, fields } from "../budgets.js";
import { card, choice, field, h, put } from "../dom.js";
import { ask, attempt, filled, say, sure } from "../notice.js";
import { badge, copyable, time } from "../parts.js";
import { table } from "../table.js";

const DAY = 86_400;
const SCOPES = [
  ["client", "client: ask models"], ["viewer", "viewer: look at this dashboard"],
  ["operator", "operator: also see log, settings and keys"], ["management", "management: everything"],
  ["service", "service: answer calls (AI Studio, WebAI)"], ["relay", "relay: a browser that answers calls"],
];
const LASTS = [["", "never"], [DAY, "in a day"], [7 * DAY, "in a week"], [30 * DAY, "in 30 days"], [90 * DAY, "in 90 days"], [365 * DAY, "in a year"]];
const SOURCES = { settings: "the settings", file: "a file in state/keys", database: "made here" };

export async function show(main, { signal, may }) {
  const place = h("div");
  const load = () => filled(place, async () => list((await manage("GET", "keys", undefined, { signal })).keys, may("admin"), load));
  put(main, h("h1", {}, "Keys"),
    h("p", { class: "lead" }, "A key for each tool is better than one for all: it can be revoked alone, and costs are told by key."),
    h("div", { class: "stack" }, may("admin") ? creation(load) : null, card("All keys", null, place)));
  await load();
}

function creation(load) {
  const name = h("input", { required: true, maxlength: 63, pattern: "[A-Za-z0-9][A-Za-z0-9._@\\-]*", placeholder: "laptop", autocomplete: "off" });
  const scope = choice(SCOPES, "client");
  const lasts = choice(LASTS, "");
  const button = h("button", { class: "main", type: "submit" }, "Make a key");
  const limits = fields(null);
  const form = h("form", { class: "stack" },
    h("div", { class: "row end" }, field("Name", name, "grow"), field("May", scope), field("Expires", lasts), button),
    h("details", {}, h("summary", {}, "Budgets and limits"), limits.elements));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    await attempt(async () => {
      const wanted = { name: name.value.trim(), scope: scope.value, limits: limits.read(), ...(lasts.value ? { expires_in: Number(lasts.value) } : {}) };
      const made = await manage("POST", "keys", wanted);
      form.reset();
      load();
      await shown(made);
    });
    button.disabled = false;
  });
  return card("A new key", null, form);
}

function shown(made) {
  return ask(`The key “${made.name}”`, (close) => [
    h("p", { class: "note warn" }, "This is the only time that it is shown. Copy it now."),
    h("p", { class: "code mono", id: "new-key" }, made.key),
    h("div", { class: "row" }, copyable(made.key, "Copy the key"),
      h("button", { type: "button", class: "main", on: { click: () => close() } }, "I have it")),
  ]);
}

function list(keys, admin, load) {
  return table("Keys; their text is kept nowhere", [
    { title: "Name", cell: (key) => [key.name, h("br"), h("small", {}, key.id)] },
    { title: "May", cell: (key) => key.scopes.join(", ") },
    { title: "State", kind: "tight", cell: (key) => badge(key.state) },
    { title: "Used of its limits", cell: (key) => (key.limits ? bars(key) : h("small", {}, "no limit")) },
    { title: "Expires", cell: (key) => (key.expires_at === null ? "never" : time(key.expires_at)) },
    { title: "Comes from", cell: (key) => SOURCES[key.source] },
    { title: "Actions", cell: (key) => (admin && key.source === "database" && key.state !== "revoked" ? acts(key, load) : "") },
  ], keys);
}

function acts(key, load) {
  return h("div", { class: "row" }, limit(key, load), rotate(key, load), revoke(key, load));
}

function limit(key, load) {
  return h("button", { type: "button", "aria-label": `Limits of ${key.name}`, on: { click: async () => {
    const wanted = fields(key.limits);
    const given = await ask(`What ${key.name} may use`, (close) => h("form", { class: "stack", on: { submit: (event) => { event.preventDefault(); close({ limits: wanted.read() }); } } },
      h("p", {}, "An empty field is no limit. Days and months are those of UTC. It counts from the next call on."), wanted.elements,
      h("div", { class: "row" }, h("button", { class: "main", type: "submit" }, "Set"), h("button", { type: "button", on: { click: () => close() } }, "Cancel"))));
    if (given === undefined) return;
    await attempt(async () => {
      await manage("PATCH", `keys/${encodeURIComponent(key.id)}`, given);
      say(`The limits of ${key.name} are set.`);
    });
    load();
  } } }, "Limits");
}

function rotate(key, load) {
  return h("button", { type: "button", "aria-label": `Replace ${key.name}`, on: { click: async () => {
    if (!(await sure(`Replace the key “${key.name}”?`, "The old text ends at once; name, scope and limits stay.", "Replace it"))) return;
    await attempt(async () => shown(await manage("POST", `keys/${encodeURIComponent(key.id)}/rotate`)));
    load();
  } } }, "Replace");
}

function revoke(key, load) {
  return h("button", { type: "button", class: "bad", "aria-label": `Revoke ${key.name}`, on: { click: async () => {
    const text = `Calls with ${key.name} are refused from now on. This cannot be undone.`;
    if (!(await sure(`Revoke the key “${key.name}”?`, text, "Revoke it"))) return;
    await attempt(async () => {
      await manage("DELETE", `keys/${encodeURIComponent(key.id)}`);
      say(`The key ${key.name} is revoked.`);
    });
    load();
  } } }, "Revoke");
}
