// Accounts: their state and why, what is left of them, on and off; and new ones by signing in.
import { ask, inPath, manage } from "../api.js";
import { card, changed, h, put } from "../dom.js";
import { percent, short, unix } from "../format.js";
import { repeat } from "../live.js";
import { attempt, renew, say, sure, wrong } from "../notice.js";
import { badge, countdown, tick, time } from "../parts.js";
import { table } from "../table.js";
import { changes } from "./account_change.js";
import { tries } from "./account_tries.js";
import { ways } from "./account_ways.js";

const EVERY = 10_000;

export function show(main, { signal, may }) {
  const list = h("div");
  const more = h("div", { class: "stack" });
  const trouble = h("div");
  put(main, h("h1", {}, "Accounts"),
    h("p", { class: "lead" }, "What this gateway asks the providers with: API keys and sign-ins, and what each of them does now. The keys that programs use to come in here are on ", h("a", { href: "#/keys" }, "Keys"), "."),
    h("div", { class: "stack" }, trouble, card("All accounts", null, list), more));
  const load = repeat(signal, EVERY, async () => {
    try {
      const [all, relay] = await Promise.all([
        manage("GET", "accounts", undefined, { signal }), manage("GET", "relay", undefined, { signal }),
      ]);
      if (changed(list, [all, relay.sessions])) {
        renew(list, accounts(all.accounts, may, again), files(all.files), profiles(relay.sessions));
      }
      put(trouble);
    } catch (error) {
      if (!signal.aborted) put(trouble, wrong(error));
    }
  });
  const again = () => { list.shownData = ""; load(); };
  tick(signal);
  if (may("admin")) ways(more, signal, again);
}

function accounts(all, may, again) {
  return table("Accounts by provider, in the order in which they are chosen", [
    { title: "Account", cell: (each) => [each.account, each.email ? h("small", {}, h("br"), each.email) : null] },
    { title: "State", kind: "roomy", cell: state },
    { title: "Left", kind: "tight", cell: quota },
    { title: "Calls", kind: "number", cell: (each) => short(each.requests) },
    { title: "Failed", kind: "number", cell: (each) => short(each.failures) },
    { title: "Tokens in / out", kind: "number", cell: (each) => `${short(each.input_tokens)} / ${short(each.output_tokens)}` },
    { title: "Last used", cell: (each) => time(unix(each.last_used_at)) },
    { title: "Actions", cell: (each) => h("div", { class: "row" },
      may("operator") ? tries(each, again) : null, may("admin") && each.changeable ? changes(each, again) : null,
      may("admin") && each.owner !== "settings" ? forget(each, again) : null) },
  ], all, may("admin") ? "No provider has an account yet, so only the demo models answer. Add an API key below, or sign in to a subscription." : "No provider has an account yet, so only the demo models answer. Whoever has the management key can add one.");
}

function state(each) {
  const until = unix(each.until);
  const resting = each.resting.map((one) => h("small", {}, h("br"), `${one.name} rests: ${one.reason}`));
  return [badge(each.state), each.reason ? h("small", {}, h("br"), each.reason) : null,
    until ? h("small", {}, h("br"), countdown("again in", until)) : null, resting];
}

function quota(each) {
  return each.quota.map((one) => h("div", {}, h("small", {}, `${one.name}: ${percent(1 - one.used_percent / 100)}`)));
}

function forget(each, again) {
  const button = h("button", { type: "button", class: "bad", "aria-label": `Forget ${each.account}` }, "Forget");
  button.addEventListener("click", async () => {
    if (!(await sure(`Forget ${each.account}?`, `${each.kind === "key" ? "Its key is" : "Its tokens are"} removed from this machine. To use it again, ${each.kind === "key" ? "add the key" : "sign in"} again.`, "Forget it"))) return;
    await attempt(async () => {
      await ask("DELETE", `v1/auth/${inPath(each.account)}`);
      say(`${each.account} is forgotten.`);
    });
    again();
  });
  return button;
}

function files(list) {
  return list.length === 0 ? null : table("Files that hold no usable account", [
    { title: "File", cell: (each) => each.file }, { title: "State", cell: (each) => badge(each.state) },
    { title: "Why", cell: (each) => each.reason },
  ], list);
}

function profiles(sessions) {
  const rows = sessions.flatMap((session) => session.profiles.map((each) => ({ ...each, service: session.name })));
  return rows.length === 0 ? null : table("Profiles of services", [
    { title: "Profile", cell: (each) => each.name }, { title: "Service", cell: (each) => each.service },
    { title: "State", cell: (each) => badge(each.state) }, { title: "Why", cell: (each) => each.cause ?? "" },
  ], rows);
}
