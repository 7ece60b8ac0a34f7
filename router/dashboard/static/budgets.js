// What keys may use, and how much of it they have: shown as bars, and as fields to be filled in.
import { choice, field, h } from "./dom.js";
import { count, money, percent } from "./format.js";
import { countdown, meter, time } from "./parts.js";

const dollars = (amount) => money(amount * 1e6);
const LIMITS = [
  { name: "usd_per_day", title: "Dollars a day", when: "today (UTC)", words: dollars, step: "any" },
  { name: "usd_per_month", title: "Dollars a month", when: "this month (UTC)", words: dollars, step: "any" },
  { name: "tokens_per_day", title: "Tokens a day", when: "tokens today (UTC)", words: count, step: "1" },
  { name: "tokens_per_month", title: "Tokens a month", when: "tokens this month (UTC)", words: count, step: "1" },
  { name: "tokens_per_minute", title: "Tokens a minute", when: "tokens a minute", words: count, step: "1" },
  { name: "requests_per_minute", title: "Calls a minute", when: "calls a minute", words: count, step: "1" },
];

/** Every limit of a key with what is used of it. */
export function bars(key) {
  return LIMITS.filter(({ name }) => key.limits?.[name] != null).map(({ name }) => bar(name, key.used[name] ?? 0, key.limits[name], key.resets_at[name]));
}

/** Budgets as /budgets tells them: the limits of a day or a month, by key, the fullest first. */
export function standing(budgets) {
  const names = [...new Set(budgets.map((each) => each.key))];
  return h("ul", { class: "list" }, names.map((name) => h("li", {}, h("strong", {}, name),
    budgets.filter((each) => each.key === name).map((each) => bar(each.limit, each.used, each.most, each.resets_at)))));
}

function bar(limit, used, most, until) {
  const { when, words } = LIMITS.find(({ name }) => name === limit);
  return h("div", { class: "bar" },
    h("small", {}, `${words(used)} of ${words(most)} ${when}${used >= most ? ": used up" : ""}`,
      h("span", { class: "unseen" }, `, ${percent(used / most)}`), until ? [", ", anew(limit, until)] : null),
    meter(used / most));
}

/** A minute is counted down; a day and a month have an end. */
function anew(limit, until) {
  return limit.endsWith("_minute") ? countdown("anew in", until) : ["anew ", time(until)];
}

/** What is left of a budget: its key and limit, the amount in words, and the same as a quota window for a forecast. */
export function remains({ key, limit, used, most, period, resets_at }) {
  const { title, words } = LIMITS.find(({ name }) => name === limit);
  const began = new Date(resets_at * 1000 - 1);
  const days = period === "day" ? 1 : began.getUTCDate(); // of the month that ends then
  return { key, title, left: `${words(Math.max(0, most - used))} of ${words(most)} left`, window: { window: `${days}d`, used: used / most, resets_at } };
}

/** Fields for limits. Gives the elements, the controls by their names in a refusal, and what reads them: an object, or null
 * where nothing is limited. */
export function fields(limits) {
  const inputs = LIMITS.map(({ name, title, step }) => [name, title, h("input", {
    type: "number", min: step === "1" ? 1 : 0.000001, step, inputmode: "decimal", placeholder: "no limit", value: limits?.[name] ?? "",
  })]);
  const read = () => {
    const given = inputs.filter(([, , input]) => input.value !== "").map(([name, , input]) => [name, Number(input.value)]);
    return given.length === 0 ? null : { ...(limits?.soft ? { soft: limits.soft } : {}), ...Object.fromEntries(given) };
  };
  const controls = Object.fromEntries(inputs.map(([name, , input]) => [`limits.${name}`, input]));
  return { elements: h("div", { class: "grid three" }, inputs.map(([, title, input]) => field(title, input))), controls, read };
}

/** Fields for calls at once. Gives the elements, and what reads them. */
export function places(key) {
  const many = (value, least, empty) => h("input", { type: "number", min: least, step: 1, inputmode: "numeric", placeholder: empty, value });
  const [together, waiting] = [many(key?.concurrency ?? "", 1, "any number"), many(key?.queue || "", 0, "none")];
  const priority = choice([["interactive", "before batch"], ["batch", "after others (batch)"]], key?.priority ?? "interactive");
  const read = () => ({ concurrency: together.value === "" ? null : Number(together.value), queue: Number(waiting.value), priority: priority.value });
  return { read, elements: h("div", { class: "grid three" }, field("Calls at once", together), field("Calls that may wait", waiting), field("Its calls go", priority)) };
}
