// The first screen. Four questions without a click: does it work, what did it cost, why did that fail, how much is left.
import { manage } from "../api.js";
import { setClock } from "../clock.js";
import { changed, h, put } from "../dom.js";
import { follow, repeat, soon } from "../live.js";
import { tick } from "../parts.js";
import { attempt, renew, say, wrong } from "../notice.js";
import { midnightUtc } from "../format.js";
import { health, summary, withParts } from "./overview_health.js";
import { failures } from "./overview_failures.js";
import { costs } from "./overview_costs.js";
import { left, remember } from "./overview_left.js";

const EVERY = 5000;
const COSTS_EVERY = 30_000;
const PROGRAMS_EVERY = 15_000;
const STARTS_WITHIN = 100_000;

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

  let budgets = [];
  let programs = { at: 0, list: [], trouble: null };
  const startAnew = async (name) => {
    await attempt(async () => say((await manage("POST", `processes/${encodeURIComponent(name)}/restart`, {}, { within: STARTS_WITHIN })).text));
    programs = { ...programs, at: 0 };
    look();
  };
  const look = repeat(signal, EVERY, () => guarded(async () => {
    const [seen, relay, all] = await Promise.all(["overview", "relay", "accounts"]
      .map((path) => manage("GET", path, undefined, { signal })));
    seen.providers = withParts(seen.providers, all.accounts);
    programs = await running(seen.supervised, programs, signal);
    setClock(seen.now);
    remember(seen.windows, seen.now);
    const { now, ...rest } = seen;
    const there = { services: services(relay), programs: programs.list, trouble: programs.trouble };
    if (changed(places.health, [rest.providers, rest.missing, rest.causes, there])) {
      renew(places.health, health(seen, there, may("admin") ? startAnew : null));
    }
    if (changed(told, summary(seen))) put(told, summary(seen));
    if (changed(places.failures, rest.failures)) renew(places.failures, failures(seen.failures));
    if (changed(places.left, [rest.windows, budgets, Math.floor(now / 60)])) renew(places.left, left(seen.windows, budgets, now));
  }));
  const count = repeat(signal, COSTS_EVERY, () => guarded(async () => {
    const asked = (by) => manage("GET", `usage?by=${by}&since=${midnightUtc()}`, undefined, { signal });
    const known = manage("GET", "budgets", undefined, { signal });
    const [byKey, byModel, told] = await Promise.all([asked("key"), asked("model"), known]);
    if (JSON.stringify(told.budgets) !== JSON.stringify(budgets)) {
      ({ budgets } = told);
      look();
    }
    const { until, ...rest } = byKey;
    if (changed(places.costs, [rest, byModel.lines, budgets])) renew(places.costs, costs(byKey, byModel, budgets, may("admin")));
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

/** The programs under supervisord, asked less often; as before where it is not time yet. */
async function running(supervised, before, signal) {
  if (!supervised || Date.now() - before.at < PROGRAMS_EVERY) return before;
  try {
    const { processes } = await manage("GET", "processes", undefined, { signal });
    return { at: Date.now(), list: processes.map(({ name, state, wrong, healed }) => ({ name, state, wrong, healed })), trouble: null };
  } catch (error) {
    if (error.status !== 503) throw error;
    return { at: Date.now(), list: [], trouble: error.message };
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
