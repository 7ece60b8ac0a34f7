// Requests, tokens, costs and times to the first word: over time, and by key, model, provider, account, day or conversation.
import { address, manage } from "../api.js";
import { chart } from "../chart.js";
import { card, choice, field, h, put } from "../dom.js";
import { count, day, midnight, moment, money, short, span, zone } from "../format.js";
import { filled } from "../notice.js";
import { table } from "../table.js";
import { prices } from "./usage_prices.js";

const [HOUR, DAY] = [3600, 86_400];
const TOGETHER = "all together";
const SPANS = {
  today: { words: "today", since: midnight, step: HOUR },
  day: { words: "the last 24 hours", since: () => Math.floor(Date.now() / 1000 / HOUR - 23) * HOUR, step: HOUR },
  week: { words: "the last 7 days", since: () => midnight() - 6 * DAY, step: 6 * HOUR },
  month: { words: "the last 30 days", since: () => midnight() - 29 * DAY, step: DAY },
  quarter: { words: "the last 90 days", since: () => midnight() - 89 * DAY, step: DAY },
};

export async function show(main, { signal, query, may }) {
  const wanted = choice(Object.entries(SPANS).map(([name, { words }]) => [name, words]), SPANS[query.get("span")] ? query.get("span") : "day");
  const by = choice([["model", "model"], ["key", "key"], ["provider", "provider"], ["account", "account"], ["day", "day (UTC)"], ["session", "conversation"]], "model");
  const [charts, lines] = [h("div", { class: "grid" }), h("div")];
  const times = () => {
    const { since, step } = SPANS[wanted.value];
    return { since: since(), until: Math.ceil(Date.now() / 1000) + 1, step };
  };
  const draw = () => filled(charts, async () => {
    const asked = new URLSearchParams(times());
    return drawn(await manage("GET", `usage/series?${asked}`, undefined, { signal }));
  });
  const list = () => filled(lines, async () => {
    const { since, until } = times();
    return listed(await manage("GET", `usage?by=${by.value}&since=${since}&until=${until}`, undefined, { signal }));
  });
  const file = (format, words) => {
    const link = h("a", { href: "#", download: "" }, words);
    const lead = () => {
      const { since, until } = times();
      link.href = address(`v0/management/usage/export?${new URLSearchParams({ format, since, until })}`);
    };
    lead();
    link.addEventListener("click", lead); // the chosen time, up to now
    return link;
  };
  wanted.addEventListener("change", () => { draw(); list(); });
  by.addEventListener("change", list);
  put(main, h("h1", {}, "Usage"),
    h("p", { class: "lead" }, `From the ledger, which has every call once. A price that nobody knows is told as “?”, never as 0. Times: ${zone()}.`),
    h("div", { class: "stack" },
      h("div", { class: "row end" }, field("Time", wanted)), charts,
      card("Added up", field("By", by, "inline"), lines,
        h("p", {}, "Every call of this time as a file, costs in micro-dollars: ", file("csv", "CSV for spreadsheets"), ", ", file("jsonl", "JSON lines with the attempts"), ".")),
      prices(signal, may)));
  await Promise.all([draw(), list()]);
}

function drawn({ steps, step, kept }) {
  const label = (at) => (step >= DAY ? day(at + DAY / 2) : step > HOUR ? `${day(at)} ${hour(at)}` : hour(at));
  const all = { steps, label };
  const whole = (number) => short(number);
  const often = { [HOUR]: "each hour", [6 * HOUR]: "every 6 hours", [DAY]: "each day" }[step] ?? `every ${span(step)}`;
  return [
    kept ? null : h("p", { class: "note warn wide" }, "Calls are not kept now: usage.enabled is off in the settings."),
    chart({ ...all, title: `Requests, ${often}`, kind: "bars", axis: whole, lines: [
      { title: "answered", tone: "one", value: (each) => each.calls - each.failed, told: count },
      { title: "failed", tone: "wrong", value: (each) => each.failed, told: count },
    ] }),
    chart({ ...all, title: `Cost in dollars, ${often}`, kind: "bars", axis: (micro) => money(micro), lines: [
      { title: "known cost", tone: "one", value: (each) => each.cost, told: (micro, each) => money(micro, each.unknown) },
    ] }),
    chart({ ...all, title: `Tokens, ${often}`, kind: "bars", axis: whole, lines: [
      { title: "in", tone: "one", value: (each) => each.input, told: count },
      { title: "out", tone: "two", value: (each) => each.output, told: count },
    ] }),
    chart({ ...all, title: "Time to the first word", kind: "lines", axis: span, lines: [
      { title: "half within", tone: "one", value: (each) => each.p50, told: span },
      { title: "95 % within", tone: "two", value: (each) => each.p95, told: span },
    ] }),
  ];
}

const hour = (at) => new Date(at * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });

function conversation(name) {
  if (name === "" || name === TOGETHER) return name || "calls that name none";
  return h("a", { href: `#/requests?session=${name}` }, h("code", {}, name));
}

function listed({ by, lines, total, since }) {
  const columns = [
    { title: by === "session" ? "Conversation" : by[0].toUpperCase() + by.slice(1), cell: (each) => (by === "session" ? conversation(each.name) : each.name || "–") },
    { title: "Calls", kind: "number", cell: (each) => count(each.calls) },
    { title: "Fresh input", kind: "number", cell: (each) => count(each.fresh_input) },
    { title: "From caches", kind: "number", cell: (each) => count(each.cache_read) },
    { title: "Into caches", kind: "number", cell: (each) => count(each.cache_write_5m + each.cache_write_1h) },
    { title: "Output", kind: "number", cell: (each) => count(each.output) },
    { title: "Reasoning", kind: "number", cell: (each) => count(each.reasoning) },
    { title: "Cost", kind: "number", cell: (each) => money(each.cost, each.unknown) },
    { title: "At list prices", kind: "number", cell: (each) => money(each.worth, each.worth === 0 ? each.unknown : 0) },
  ];
  return [
    table(`Since ${moment(since)}`, columns, lines.length === 0 ? [] : [...lines, { ...total, name: TOGETHER }], "No call in this time. Calls count here as soon as programs make some; the screen Keys tells how to point one here."),
    total.estimated > 0 ? h("small", {}, `Tokens of ${count(total.estimated)} calls are estimates, since their providers reported none.`) : null,
  ];
}
