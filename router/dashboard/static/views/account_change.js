// What can be set for an account: on and off, its order, its models and their names, how much it thinks.
import { inPath, manage } from "../api.js";
import { field, h } from "../dom.js";
import { ask, attempt, say } from "../notice.js";
import { lines, thinkingFields } from "../rights.js";

/** The buttons of one account. again: shows the accounts anew. */
export function changes(account, again) {
  return [turn(account, again), h("button", { type: "button", "aria-label": `Change ${account.account}`, on: { click: () => form(account, again) } }, "Change")];
}

async function patch(account, change, done, again) {
  const well = await attempt(async () => manage("PATCH", `accounts/${inPath(account.account)}`, change));
  if (well) say(done);
  again();
  return well;
}

function turn(account, again) {
  const off = account.state === "disabled";
  const words = off ? "Enable" : "Disable";
  return h("button", { type: "button", "aria-label": `${words} ${account.account}`, on: {
    click: () => patch(account, { disabled: !off }, `${account.account} is ${off ? "enabled" : "disabled"}.`, again),
  } }, words);
}

function form(account, again) {
  const made = fields(account);
  const lead = account.owner === "settings" ? "It is a key of the settings: the change is written into their file." : "It is kept with the account.";
  return ask(`Change ${account.account}`, (close) => h("form", { class: "stack", on: { submit: async (event) => {
    event.preventDefault();
    if (await patch(account, made.read(), `${account.account} is changed.`, again)) close();
  } } }, h("p", {}, `${lead} It counts from the next call on.`), made.elements,
    h("div", { class: "row" }, h("button", { class: "main", type: "submit" }, "Set"), h("button", { type: "button", on: { click: () => close() } }, "Cancel"))));
}

/** Fields for an account. Gives the elements, and what reads them as the management API takes them. */
export function fields(account) {
  const priority = h("input", { type: "number", required: true, min: -1000, max: 1000, value: account.priority });
  const weight = h("input", { type: "number", required: true, min: 1, max: 1000, value: account.weight });
  const [models, excluded, aliases] = [["all models", account.models], ["none", account.excluded],
    ["none; one per line: quick=gpt-4.1-mini", Object.entries(account.aliases).map((pair) => pair.join("="))],
  ].map(([placeholder, value]) => h("textarea", { rows: 2, spellcheck: "false", autocapitalize: "off", placeholder, value: value.join("\n") }));
  const thinks = thinkingFields(account.thinking);
  const read = () => ({
    priority: Number(priority.value), weight: Number(weight.value), models: lines(models) ?? [], excluded: lines(excluded) ?? [],
    aliases: Object.fromEntries((lines(aliases) ?? []).map((line) => {
      const at = line.indexOf("=");
      return at < 0 ? [line, ""] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    })),
    thinking: thinks.read(),
  });
  return { read, elements: h("div", { class: "grid" }, field("Priority (lower first)", priority), field("Weight", weight),
    field("Only these models", models), field("Never these models", excluded), field("Names of its own (name=model)", aliases), thinks.elements) };
}
