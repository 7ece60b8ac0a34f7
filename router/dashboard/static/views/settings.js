// The settings file: see what a change would do, in words, put it in force, go back.
import { manage } from "../api.js";
import { card, field, h, put } from "../dom.js";
import { attempt, filled, say, wrong } from "../notice.js";
import { backups } from "./settings_backup.js";
import { history, settingsList } from "./settings_lists.js";

const FOLLOWS = {
  keys: "Client keys", routes: "Where names lead", providers: "Providers and accounts", limits: "Limits", restart: "Not at once: these wait for make restart",
};
let draft = null; // what was written and not put in force: {digest, text}; another screen does not cost it

export async function show(main, { signal, may }) {
  const editor = h("textarea", { class: "code", spellcheck: "false", autocomplete: "off", disabled: true, rows: 24, wrap: "off" });
  const check = h("button", { type: "button", class: "main" }, "Show what would change");
  const apply = h("button", { type: "button", disabled: true }, "Put in force");
  const undo = h("button", { type: "button" }, "Discard my changes");
  const result = h("div", { class: "stack", "aria-live": "polite" });
  const [warnings, past, all] = [h("div", { class: "stack" }), h("div"), h("div")];
  const file = h("code", {}, "");
  let config = null;
  let planned = null; // the text that the plan on the screen is about

  put(main, h("h1", {}, "Settings"),
    h("p", { class: "lead" }, "The same file as on the router's machine: ", file,
      ". Marks like “kept:1” stand for secrets and are put back when you save. Nothing changes before you put it in force."),
    h("div", { class: "stack" }, warnings,
      card("The file", null, field("Settings as YAML", editor),
        h("div", { class: "row" }, check, may("admin") ? apply : h("small", {}, "Only a management key may change it."), undo), result),
      card("Earlier files", null, past), may("admin") ? backups(signal) : null, card("Every setting in force", null, all)));

  addEventListener("beforeunload", (event) => { if (draft !== null) event.preventDefault(); }, { signal });
  editor.addEventListener("input", () => {
    draft = editor.value === config.text ? null : { digest: config.digest, text: editor.value };
    apply.disabled = editor.value !== planned;
    if (planned !== null && apply.disabled) put(result, h("p", { class: "note" }, "The text has changed since: look again at what would change."));
  });
  undo.addEventListener("click", () => { draft = null; load(); });
  check.addEventListener("click", () => filled(result, plan));
  apply.addEventListener("click", putInForce);
  await load();

  async function load(keepResult = false) {
    try {
      config = await manage("GET", "config", undefined, { signal });
    } catch (error) {
      if (!signal.aborted) put(warnings, wrong(error, () => load(keepResult)));
      return;
    }
    planned = null;
    apply.disabled = true;
    if (!keepResult) put(result);
    const kept = draft !== null && draft.digest === config.digest;
    editor.value = kept ? draft.text : config.text;
    if (kept) put(result, h("p", { class: "note" }, "Your changes from before are still here, and not in force."));
    editor.disabled = false;
    put(file, config.file);
    put(warnings,
      config.error ? h("p", { class: "note bad" }, `The file is not in force: ${config.error}`) : h("p", { class: "note good" }, "This file is in force."),
      config.restart_needed.length > 0 ? h("p", { class: "note warn" }, `Waits for the next start (make restart): ${config.restart_needed.join(", ")}.`) : null,
      config.warnings.map((each) => h("p", { class: "note warn" }, each)));
    settingsList(all, config.settings);
    await filled(past, async () => history((await manage("GET", "config/history", undefined, { signal })).versions, may("admin"), goBack));
  }

  async function plan() {
    const text = editor.value;
    const told = await manage("POST", "config/plan", { text });
    planned = told.ok && told.beyond_reach.length === 0 ? text : null;
    apply.disabled = planned === null || told.changes.length === 0;
    return [told.mistakes.length > 0 ? mistakes(told.mistakes) : changes(told)];
  }

  function mistakes(list) {
    return h("div", { class: "note bad", role: "alert" }, h("p", {}, "This cannot be put in force:"), h("ul", {}, list.map((each) => h("li", {},
      each.line ? h("button", { type: "button", class: "plain", on: { click: () => toLine(each.line) } }, `Line ${each.line}`) : null,
      ` ${each.path}: ${each.problem}${each.remedy ? ` ${each.remedy}` : ""}`))));
  }

  function changes(told) {
    const beyond = told.beyond_reach;
    return h("div", { class: "stack" },
      h("div", { class: `note ${beyond.length ? "warn" : "good"}` },
        told.changes.length === 0 ? h("p", {}, "Nothing would change.") : [h("p", {}, "This would change:"), h("ul", {}, told.changes.map((each) => h("li", {}, each.told)))],
        Object.entries(FOLLOWS).map(([name, words]) => told.consequences[name].length === 0 ? null
          : [h("p", {}, h("strong", {}, words)), h("ul", {}, told.consequences[name].map((each) => h("li", {}, each)))])),
      beyond.length ? h("p", { class: "note bad" }, `These can only be changed in the file itself: ${beyond.join(", ")}.`) : null,
      told.warnings.map((each) => h("p", { class: "note warn" }, each)));
  }

  function toLine(number) {
    const start = editor.value.split("\n").slice(0, number - 1).join("\n").length + (number > 1 ? 1 : 0);
    const end = editor.value.indexOf("\n", start);
    editor.focus();
    editor.setSelectionRange(start, end < 0 ? editor.value.length : end);
    editor.scrollTop = Math.max(0, (number - 5) * parseFloat(getComputedStyle(editor).lineHeight));
  }

  async function putInForce() {
    apply.disabled = true;
    await attempt(async () => done(await manage("PUT", "config", { text: planned, digest: config.digest }), "In force."));
  }

  async function goBack(id) {
    await attempt(async () => done(await manage("POST", "config/rollback", { id, digest: config.digest }), "The earlier file is in force again."));
  }

  async function done(told, words) {
    const waits = told.restart_needed.length > 0 ? ` Waits for the next start: ${told.restart_needed.join(", ")}.` : "";
    put(result, h("div", { class: "note good" }, h("p", {}, words + waits), h("ul", {}, told.changes.map((each) => h("li", {}, each.told)))));
    say(words);
    draft = null;
    await load(true);
  }
}
