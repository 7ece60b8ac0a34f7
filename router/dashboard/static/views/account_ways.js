// The ways to a new account: an API key, a sign-in with a provider, a window of AI Studio, cookies of Gemini's page, a file.
import { ask } from "../api.js";
import { card, h, put } from "../dom.js";
import { filled } from "../notice.js";
import { badge } from "../parts.js";
import { table } from "../table.js";
import { cookies, file } from "./account_brought.js";
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
