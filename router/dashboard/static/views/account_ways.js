// The ways to a new account: an API key, a sign-in with a provider, a window of AI Studio, cookies of Gemini's page, a file.
import { ask } from "../api.js";
import { card, field, h, put } from "../dom.js";
import { attempt, filled, say } from "../notice.js";
import { badge } from "../parts.js";
import { table } from "../table.js";
import { byKey } from "./account_key.js";
import { FLOWS, signInTo } from "./login.js";
import { studio } from "./login_studio.js";

/** Fill a place with the cards. again: shows the accounts anew. */
export function ways(place, signal, again) {
  const providers = h("div");
  const load = () => filled(providers, async () => list(await ask("GET", "v1/auth", undefined, { signal }), async (each) => {
    await signInTo(each);
    again();
    load();
  }));
  put(place, byKey(signal, again), card("Or sign in to a subscription", null, providers),
    h("div", { class: "grid three" }, studio(again), cookies(again), file(again)));
  load();
}

function list({ providers, logins }, begin) {
  const open = logins.filter((each) => ["pending", "waiting", "exchanging"].includes(each.state));
  return [
    open.length > 0 ? h("p", { class: "note" }, `In progress: ${open.map((each) => each.provider).join(", ")}.`) : null,
    table("Providers that one can sign in to. One that is off is turned on by the first sign-in, or in the settings", [
      { title: "Provider", cell: (each) => each.title },
      { title: "In use", kind: "tight", cell: (each) => (each.on ? badge("ok", "on") : badge("off", "off")) },
      { title: "Ways", cell: (each) => each.flows.map((flow) => FLOWS[flow] ?? flow).join(", or ") },
      { title: "Actions", cell: (each) => h("button", { type: "button", "aria-label": `Sign in to ${each.title}`, on: { click: () => begin(each) } }, "Sign in") },
    ], providers),
  ];
}

function cookies(again) {
  const inputs = { account: "Name of the account", secure_1psid: "__Secure-1PSID", secure_1psidts: "__Secure-1PSIDTS" };
  const fields = Object.entries(inputs).map(([name, words]) => [name, h("input", {
    required: name !== "secure_1psidts", autocomplete: "off", spellcheck: "false", type: name === "account" ? "text" : "password",
  }), words]);
  const form = h("form", { class: "stack" }, fields.map(([, input, words]) => field(words, input)), h("div", {}, h("button", { type: "submit" }, "Hand them on")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(async () => {
      const given = fields.filter(([, input]) => input.value.trim()).map(([name, input]) => [name, input.value.trim()]);
      await ask("POST", "v1/auth/webai", Object.fromEntries(given));
      form.reset();
      say("The WebAI service took the cookies.");
      again();
    });
  });
  return card("Cookies of Gemini's page (WebAI)", null, form);
}

function file(again) {
  const input = h("input", { type: "file", required: true, accept: ".json,application/json" });
  const form = h("form", { class: "stack" }, field("File of another program, as it is", input), h("div", {}, h("button", { type: "submit" }, "Import")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(async () => {
      const [chosen] = input.files;
      const brought = await ask("POST", `v1/auth/import?name=${encodeURIComponent(chosen.name)}`, await chosen.text());
      form.reset();
      say(brought.told || "It is imported.");
      again();
    });
  });
  return card("Import an account", null, form);
}
