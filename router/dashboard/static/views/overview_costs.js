// What did it cost today: by key and by model, beside a budget where there is one, honest about unknown prices.
import { standing } from "../budgets.js";
import { h } from "../dom.js";
import { many, money, short } from "../format.js";
import { table } from "../table.js";

const MOST = 6;

/** The card's content, from two reports of /usage and from /budgets. sets: whether whoever looks can set one. */
export function costs(byKey, byModel, budgets, sets) {
  const whole = byKey.total;
  const tokens = whole.fresh_input + whole.cache_read + whole.cache_write_5m + whole.cache_write_1h + whole.output + whole.reasoning;
  return [
    h("header", {}, h("h2", {}, "What did it cost today?"), h("a", { href: "#/usage" }, "Usage")),
    byKey.kept ? null : h("p", { class: "note warn" }, "Calls are not kept: usage.enabled is off in the settings."),
    h("div", { class: "numbers" },
      h("div", {}, h("span", { class: "big" }, money(whole.cost, whole.unknown)), h("small", {}, "since midnight (UTC)")),
      h("div", {}, h("span", {}, many(whole.calls, "call")), h("small", {}, `${short(tokens)} tokens`)),
      whole.worth > whole.cost
        ? h("div", {}, h("span", {}, money(whole.worth)), h("small", {}, "at list prices")) : null),
    whole.unknown > 0
      ? h("p", { class: "note warn" }, `The price of ${many(whole.unknown, "call")} is unknown, so the true sum may be higher. A price table of your own (usage.prices) names it.`)
      : null,
    against(budgets, sets),
    lines("By key", "Key", byKey.lines), lines("By model", "Model", byModel.lines),
  ];
}

function against(budgets, sets) {
  if (budgets.length === 0) return h("small", {}, "No key has a budget.", sets ? [" ", h("a", { href: "#/keys" }, "Set one"), "."] : null);
  return h("div", {}, h("h3", {}, "Budgets"), standing(budgets));
}

function lines(caption, title, rows) {
  const more = rows.length > MOST ? ` (the first ${MOST} of ${rows.length})` : "";
  return rows.length === 0 ? null : table(caption + more, [
    { title, cell: (each) => each.name || "–" },
    { title: "Calls", kind: "number", cell: (each) => short(each.calls) },
    { title: "Cost", kind: "number", cell: (each) => money(each.cost, each.unknown) },
  ], rows.slice(0, MOST));
}
