// Does this very account answer; and let it serve again at once.
import { inPath, manage } from "../api.js";
import { field, h, put } from "../dom.js";
import { ask, attempt, filled, say } from "../notice.js";

const WITHIN = 70_000;

/** The buttons of one account. again: shows the accounts anew. */
export function tries(account, again) {
  const path = `accounts/${inPath(account.account)}`;
  const probe = h("button", { type: "button", "aria-label": `Try ${account.account}`, on: { click: () => ask(`Try ${account.account}`, (close) => tried(path, close)) } }, "Try");
  const resting = account.state === "cooling" || account.state === "refused" || account.resting.length > 0;
  const reset = resting ? h("button", { type: "button", "aria-label": `Let ${account.account} serve again at once`, on: { click: async () => {
    await attempt(async () => say((await manage("POST", `${path}/reset`)).text));
    again();
  } } }, "Reset") : null;
  return [probe, reset];
}

function tried(path, close) {
  const model = h("input", { placeholder: "the cheapest that is listed", autocomplete: "off", spellcheck: "false" });
  const result = h("div", { "aria-live": "polite" });
  const send = h("button", { class: "main", type: "submit" }, "Try it");
  const form = h("form", { class: "stack" }, field("Model (optional)", model), result,
    h("div", { class: "row" }, send, h("button", { type: "button", on: { click: () => close() } }, "Close")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    put(result, h("p", {}, "Asking…"));
    await filled(result, async () => {
      const found = await manage("POST", `${path}/probe`, model.value.trim() ? { model: model.value.trim() } : {}, { within: WITHIN });
      return h("p", { class: `note ${found.ok ? "good" : "bad"}` }, found.text);
    });
    send.disabled = false;
  });
  return [h("p", {}, "One short call with this very account, which may cost a few tokens. What it finds does not change the account's state."), form];
}
