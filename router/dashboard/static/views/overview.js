// The first screen. Four questions without a click: does it work, what did it cost, why did that fail, how much is left.
import { manage } from "../api.js";
import { setClock } from "../clock.js";
import { changed, h, put } from "../dom.js";
import { follow, repeat, soon } from "../live.js";
import { tick } from "../parts.js";
import { wrong } from "../notice.js";
import { midnight } from "../format.js";
import { health, summary, withParts } from "./overview_health.js";
import { failures } from "./overview_failures.js";
import { costs } from "./overview_costs.js";
import { left, remember } from "./overview_left.js";

const EVERY = 5000;
const COSTS_EVERY = 30_000;

export function show(main, { signal, may }) {
  const told = h("p", { class: "lead", role: "status", "aria-live": "polite" }, "Looking…");
  const trouble = h("div");
  const places = {
    health: h("section", { class: "card wide", "aria-label": "Is it working?" }),
    costs: h("section", { class: "card", "aria-label": "What did it cost today?" }),
    failures: h("section", { class: "card", "aria-label": "Why did that fail?" }),
    left: h("section", { class: "card", "aria-label": "How much is left?" }),
  };
  put(main, h("h1", {}, "Overview"), told, trouble, h("div", { class: "grid" },
    places.health, places.costs, h("div", { class: "stack" }, places.failures, places.left)));

  const look = repeat(signal, EVERY, () => guarded(async () => {
    const [seen, relay, all] = await Promise.all(["overview", "relay", "accounts"]
      .map((path) => manage("GET", path, undefined, { signal })));
    seen.providers = withParts(seen.providers, all.accounts);
    setClock(seen.now);
    remember(seen.windows, seen.now);
    const { now, ...rest } = seen;
    if (changed(places.health, [rest.providers, rest.causes, services(relay)])) put(places.health, health(seen, services(relay)));
    if (changed(told, summary(seen))) put(told, summary(seen));
    if (changed(places.failures, rest.failures)) put(places.failures, failures(seen.failures));
    if (changed(places.left, [rest.windows, Math.floor(now / 60)])) put(places.left, left(seen.windows, now));
  }));
  const count = repeat(signal, COSTS_EVERY, () => guarded(async () => {
    const asked = (by) => manage("GET", `usage?by=${by}&since=${midnight()}`, undefined, { signal });
    const known = manage("GET", "budgets", undefined, { signal });
    const [byKey, byModel, { budgets }] = await Promise.all([asked("key"), asked("model"), known]);
    const { until, ...rest } = byKey;
    if (changed(places.costs, [rest, byModel.lines, budgets])) put(places.costs, costs(byKey, byModel, budgets, may("admin")));
  }));
  const [lookSoon, countSoon] = [soon(look), soon(count, 3000)]; // the ledger is a second or two behind
  countSoon(); // what came just before
  follow("calls/live", signal, () => { lookSoon(); countSoon(); });
  tick(signal);

  async function guarded(work) {
    try {
      await work();
      put(trouble);
    } catch (error) {
      if (!signal.aborted && error.status !== 401) put(trouble, wrong(error));
    }
  }
}

/** Services and browsers of the relay, and services that are reached over HTTP. */
function services(relay) {
  const sessions = relay.sessions.map((each) => ({
    name: each.name, what: each.kind === "browser" ? "browser" : each.service, ready: each.ready, cause: each.cause,
    busy: each.busy, capacity: each.capacity,
  }));
  const told = relay.services.map((each) => ({
    name: each.name, what: each.service, ready: each.ready, cause: each.cause, busy: each.busy, capacity: each.capacity,
  }));
  return [...sessions, ...told];
}
