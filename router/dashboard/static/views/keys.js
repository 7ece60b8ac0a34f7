// Keys of the gateway: listed, made (shown once), changed, revoked.
import { manage } from "../api.js";
import { bars, fields, places } from "../budgets.js";
import { connect } from "../connect.js";
import { card, changed, choice, field, h, put } from "../dom.js";
import { repeat } from "../live.js";
import { sent } from "../marks.js";
import { filled } from "../notice.js";
import { badge, tick, time } from "../parts.js";
import { fields as rightFields, told } from "../rights.js";
import { table } from "../table.js";
import { acts, shown } from "./key_acts.js";

const DAY = 86_400;
const EVERY = 10_000;
const SCOPES = [
  ["client", "client: ask models"], ["viewer", "viewer: look at this dashboard"],
  ["operator", "operator: also see log, settings and keys"], ["management", "management: everything"],
  ["service", "service: answer calls (AI Studio, WebAI)"], ["relay", "relay: a browser that answers calls"],
];
const LASTS = [["", "never"], [DAY, "in a day"], [7 * DAY, "in a week"], [30 * DAY, "in 30 days"], [90 * DAY, "in 90 days"], [365 * DAY, "in a year"]];
const SOURCES = { settings: "the settings", file: "a file in state/keys", database: "made here" };

export async function show(main, { signal, may }) {
  const place = h("div");
  const asked = async () => (await manage("GET", "keys", undefined, { signal })).keys;
  const shows = (keys) => {
    changed(place, keys);
    return list(keys, may("admin"), load);
  };
  const load = () => filled(place, async () => shows(await asked()));
  const refresh = async () => { // what is used of limits, where nobody is in the middle of something
    if (document.querySelector("dialog[open]") || place.querySelector("details[open]")) return;
    const keys = await asked().catch(() => null);
    if (keys !== null && place.shownData !== JSON.stringify(keys)) filled(place, async () => shows(keys));
  };
  put(main, h("h1", {}, "Keys"),
    h("p", { class: "lead" }, "With these keys programs come in here. A key for each program is better than one for all: it can be revoked alone, and costs are told by key."),
    h("div", { class: "stack" }, may("admin") ? creation(load) : null, card("All keys", null, place), card("Point a program at this gateway", null, connect())));
  await load();
  repeat(signal, EVERY, refresh);
  tick(signal);
}

function creation(load) {
  const name = h("input", { required: true, maxlength: 63, pattern: "[A-Za-z0-9][A-Za-z0-9._@\\-]*", placeholder: "laptop", autocomplete: "off" });
  const scope = choice(SCOPES, "client");
  const lasts = choice(LASTS, "");
  const button = h("button", { class: "main", type: "submit" }, "Make a key");
  const [limits, room, rights] = [fields(null), places(null), rightFields(null)];
  const narrowed = h("details", {}, h("summary", {}, "Rights"), rights.elements);
  scope.addEventListener("change", () => { narrowed.hidden = scope.value !== "client"; });
  const form = h("form", { class: "stack" },
    h("div", { class: "row end" }, field("Name", name, "grow"), field("May", scope), field("Expires", lasts), button),
    h("details", {}, h("summary", {}, "Budgets and limits"), h("div", { class: "stack" }, limits.elements, room.elements)), narrowed);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    await sent(async () => {
      const wanted = { name: name.value.trim(), scope: scope.value, limits: limits.read(), ...room.read(), ...(scope.value === "client" ? { rights: rights.read() } : {}), ...(lasts.value ? { expires_in: Number(lasts.value) } : {}) };
      const made = await manage("POST", "keys", wanted);
      form.reset();
      narrowed.hidden = false;
      load();
      await shown({ ...made, client: wanted.scope === "client" });
    }, { name, ...limits.controls });
    if (!document.activeElement.closest("form")) name.focus(); // for the next one: a button that is disabled loses the focus
    button.disabled = false;
  });
  return card("A new key", null, form);
}

function list(keys, admin, load) {
  return table("Keys; their text is kept nowhere", [
    { title: "Name", cell: (key) => [key.name, h("br"), h("small", {}, key.id)] },
    { title: "May", cell: allowed },
    { title: "State", kind: "tight", cell: (key) => badge(key.state) },
    { title: "Used of its limits", cell: (key) => (key.limits ? bars(key) : h("small", {}, "no limit")) },
    { title: "Expires", cell: (key) => (key.expires_at === null ? "never" : time(key.expires_at)) },
    { title: "Comes from", cell: (key) => SOURCES[key.source] },
    { title: "Actions", kind: "roomy", cell: (key) => (admin && key.source === "database" && key.state !== "revoked" ? acts(key, load) : "") },
  ], keys);
}

/** Scopes, and what narrows them. */
function allowed(key) {
  const more = told(key);
  return [key.scopes.join(", "), more && h("details", {}, h("summary", {}, "Details", h("span", { class: "unseen" }, ` of ${key.name}`)), more)];
}
