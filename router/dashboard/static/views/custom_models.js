// Models of one's own: those that were added to a provider, with what adds, changes and removes them.
import { manage } from "../api.js";
import { card, h, put } from "../dom.js";
import { short } from "../format.js";
import { sent } from "../marks.js";
import { ask, attempt, filled, say, sure } from "../notice.js";
import { badge } from "../parts.js";
import { table } from "../table.js";
import { fields } from "./custom_form.js";

const WHY = "A model that a provider has and that no list here knows yet: a new one, a fine-tuned one, one behind your own server. It is written into the settings file and counts from the next call on.";

/** The card. again: shows all models anew. */
export function ownModels(signal, admin, again) {
  const place = h("div");
  const load = () => filled(place, async () => list((await manage("GET", "models/custom", undefined, { signal })).models, admin, changed));
  const changed = () => { load(); again(); };
  const add = admin ? h("button", { type: "button", class: "main", on: { click: () => asked("Add a model", null, signal, changed) } }, "Add a model") : null;
  load();
  return card("Models of your own", add, h("small", {}, WHY), place);
}

function list(models, admin, changed) {
  return table("Models that were added, as the settings have them", [
    { title: "Name", cell: (each) => [each.aliases.join(", ") || each.id, each.aliases.length > 0 || each.display_name ? h("small", {}, h("br"), [each.aliases.length > 0 ? each.id : null, each.display_name].filter(Boolean).join(", ")) : null] },
    { title: "Provider", cell: (each) => each.provider },
    { title: "State", kind: "roomy", cell: (each) => (each.reason ? [badge("off", "cannot serve"), h("small", {}, h("br"), each.reason)] : badge("ok", "can serve")) },
    { title: "Kind", cell: (each) => each.kind ?? "as known" },
    { title: "Window", kind: "number", cell: (each) => (each.context_window ? short(each.context_window) : "as known") },
    { title: "Said of it", cell: (each) => Object.entries(each.capabilities).map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join(", ") || "nothing else" },
    { title: "Actions", cell: (each) => (admin ? acts(each, changed) : "") },
  ], models, admin ? "None yet. “Add a model” makes one." : "None yet. Whoever has the management key can add one.");
}

const where = (each) => `models/custom/${encodeURIComponent(each.provider)}/${each.id.split("/").map(encodeURIComponent).join("/")}`;

function acts(each, changed) {
  const name = `${each.id} of ${each.provider}`;
  return h("div", { class: "row" },
    h("button", { type: "button", "aria-label": `Change ${name}`, on: { click: () => asked(`Change ${name}`, each, null, changed) } }, "Change"),
    h("button", { type: "button", class: "bad", "aria-label": `Remove ${name}`, on: { click: async () => {
      if (!(await sure(`Remove ${name}?`, "Its entry goes out of the settings file. Calls that ask for it are answered as those for any unknown name from then on; Settings can go back to the file of before.", "Remove it"))) return;
      await attempt(async () => {
        await manage("DELETE", where(each));
        say(`${each.id} is removed.`);
      });
      changed();
    } } }, "Remove"));
}

/** The form in front. It stays open where the router does not take what was filled in. */
function asked(title, model, signal, changed) {
  return ask(title, (close) => {
    const place = h("div", { class: "stack" });
    filled(place, async () => form(model, model ? [] : await providers(signal), close, changed));
    return place;
  });
}

/** Whoever can have models, those with an account first. */
async function providers(signal) {
  const { providers: all } = await manage("GET", "status", undefined, { signal });
  const some = all.filter((each) => each.kind !== "demo").sort((a, b) => (b.accounts.length > 0) - (a.accounts.length > 0));
  return some.map((each) => [each.provider, each.accounts.length > 0 ? each.provider : `${each.provider} (no account yet)`]);
}

function form(model, known, close, changed) {
  const { elements, controls, other, read } = fields(model, known);
  const button = h("button", { class: "main", type: "submit" }, model ? "Change it" : "Add it");
  const done = async (event) => {
    event.preventDefault();
    button.disabled = true;
    const well = await sent(async () => {
      const given = read();
      if (model) await manage("PATCH", where(model), given);
      else await manage("POST", "models/custom", given);
    }, controls, other);
    button.disabled = false;
    if (!well) {
      other.closest("details").open ||= other.closest("details").querySelector("[aria-invalid]") !== null;
      place.querySelector("[aria-invalid]")?.focus();
      return;
    }
    close();
    say(model ? `${model.id} is changed.` : `${controls.id.value.trim()} can be asked for now.`);
    changed();
  };
  const place = h("form", { class: "stack", novalidate: true, on: { submit: done } }, elements,
    h("small", {}, "What it costs stands in the price table: name it there (", h("code", {}, "usage.prices"), ", docs/usage.md), or its calls count as of unknown price."),
    h("div", { class: "row" }, button, h("button", { type: "button", on: { click: () => close() } }, "Cancel")));
  return place;
}
