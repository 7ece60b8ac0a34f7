// Backups: made here, listed, taken away as files. Putting one back is left to the command line.
import { address, manage } from "../api.js";
import { card, field, h, put } from "../dom.js";
import { many } from "../format.js";
import { ask, attempt, filled, say, sure } from "../notice.js";
import { time } from "../parts.js";
import { table } from "../table.js";

const WITHIN = 600_000; // a large database takes its time
const SHORTEST = 10;

/** The card. */
export function backups(signal) {
  const place = h("div");
  const result = h("div", { "aria-live": "polite" });
  const [first, again] = [secret(), secret()];
  const button = h("button", { class: "main", type: "submit" }, "Make a backup");
  const form = h("form", { class: "row end" }, field("Passphrase", first, "grow"), field("Once more", again, "grow"), button);
  const load = () => filled(place, async () => list(await manage("GET", "backups", undefined, { signal }), load));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (first.value !== again.value) {
      say("The two passphrases are not the same.", "bad");
      return;
    }
    button.disabled = true;
    put(result, h("p", { class: "muted" }, "It is being made …"));
    if (!await attempt(async () => {
      const made = await manage("POST", "backups", { passphrase: first.value }, { within: WITHIN });
      form.reset();
      put(result, made.warnings.map((each) => h("p", { class: "note warn" }, each)),
        made.removed.length > 0 ? h("p", { class: "note" }, `${many(made.removed.length, "older backup")} went for it.`) : null);
      say(`A backup of ${many(made.files, "file")} is made.`);
      await load();
    })) put(result);
    button.disabled = false;
  });
  load();
  return card("Backup", null,
    h("p", {}, "Settings, keys, accounts and the database in one file, encrypted with a passphrase that is kept nowhere. To put one back, stop the router and run ",
      h("code", {}, "switchyard restore FILE"), " on its machine."),
    form, result, place);
}

function secret() {
  return h("input", { type: "password", required: true, minlength: SHORTEST, maxlength: 1000, autocomplete: "new-password" });
}

function list(told, load) {
  return [
    table("Backups that are kept, the newest first", [
      { title: "Made", cell: (each) => time(each.at) },
      { title: "Size", kind: "number", cell: (each) => size(each.size) },
      { title: "Actions", cell: (each) => actions(each, load) },
    ], told.backups, "None was made from here yet."),
    h("small", { class: "muted" }, `${size(told.size)} of at most ${size(told.max_bytes)}; at most ${many(told.keep, "backup")}, the oldest go first.`),
  ];
}

function actions(each, load) {
  const when = new Date(each.at * 1000).toLocaleString();
  return h("div", { class: "row" },
    h("a", { href: address(`v0/management/backups/${each.id}/file`), download: `switchyard-${each.id}.backup`, "aria-label": `Download the backup of ${when}` }, "Download"),
    h("button", { type: "button", "aria-label": `Verify the backup of ${when}`, on: { click: () => verify(each, when) } }, "Verify"),
    h("button", { type: "button", "aria-label": `Remove the backup of ${when}`, on: { click: async () => {
      if (!await sure("Remove this backup?", `The backup of ${when} is gone then.`, "Remove it")) return;
      await attempt(() => manage("DELETE", `backups/${each.id}`));
      await load();
    } } }, "Remove"));
}

function verify(each, when) {
  return ask(`The backup of ${when}`, (close) => {
    const words = secret();
    const result = h("div", { class: "stack", "aria-live": "polite" });
    const form = h("form", { class: "row end" }, field("Its passphrase", words, "grow"), h("button", { class: "main", type: "submit" }, "Verify it"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      filled(result, async () => verdict(await manage("POST", `backups/${each.id}/verify`, { passphrase: words.value }, { within: WITHIN })));
    });
    return [form, result, h("div", { class: "row" }, h("button", { type: "button", on: { click: () => close() } }, "Close"))];
  });
}

function verdict(told) {
  return h("div", { class: "stack" },
    told.ok ? h("p", { class: "note good" }, `It is whole: ${many(told.files.length, "file")} of version ${told.version}.`) : null,
    told.problems.map((each) => h("p", { class: "note bad", role: "alert" }, each)),
    told.warnings.map((each) => h("p", { class: "note warn" }, each)));
}

function size(bytes) {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
