// What the settings say of names: aliases, combos, routes, in the order in which they are looked up.
import { card, h } from "../dom.js";
import { table } from "../table.js";

const WORDS = {
  priority: "in this order", weighted: "by weight", round_robin: "in turn",
  least_latency: "the quickest first", cheapest: "the cheapest first",
};

/** The card, from /routing. ask: shows the plan of a name. */
export function routes({ aliases, combos, routes: rules, exclusions, smaller }, ask) {
  const parts = [
    section("Aliases", aliases, [
      { title: "Name", cell: (each) => named(each.name, ask) }, { title: "Stands for", cell: (each) => each.targets.join(", else ") },
    ]),
    section("Combos", combos, [
      { title: "Name", cell: (each) => named(each.name, ask) }, { title: "Asked", cell: (each) => WORDS[each.strategy] },
      { title: "Members", cell: (each) => each.members.map(({ model, weight }) => (weight === null ? model : `${model} × ${weight}`)).join(", ") },
      { title: "Proxy", cell: (each) => (each.proxy ? "its own" : "–") },
    ]),
    section("Routes", rules, [
      { title: "Names", cell: (each) => h("code", {}, each.pattern) },
      { title: "Providers", cell: (each) => each.ranks.map((rank) => rank.join(" or ")).join(", else ") },
      { title: "Of its own", cell: own }, { title: "Place in the file", kind: "number", cell: (each) => each.number },
    ]),
    section("A smaller model where limits are met", smaller, [
      { title: "Names", cell: (each) => h("code", {}, each.name) }, { title: "Answers", cell: (each) => each.targets.join(", ") },
    ]),
    exclusions.length > 0 ? h("p", {}, "Nobody may ask for ", exclusions.map((each, at) => [at ? ", " : "", h("code", {}, each)]), ".") : null,
  ].filter(Boolean);
  const none = h("p", { class: "muted" }, "The settings name none: a name goes to the providers that have it. ", h("a", { href: "#/settings" }, "models.aliases, models.combos and models.routing"), " change that.");
  return card("Routes, as a name is looked up", null, parts.length > 0 ? parts : none);
}

function section(title, lines, columns) {
  return lines.length > 0 ? table(title, columns, lines) : null;
}

/** A name to be tried, unless it is a pattern. */
function named(name, ask) {
  return /[*?^$\\([{|]/.test(name) ? h("code", {}, name) : h("button", { type: "button", class: "plain", "aria-label": `Try ${name}`, on: { click: () => ask(name) } }, name);
}

function own(each) {
  const told = [each.grace === null ? "" : `grace ${each.grace} s`, each.resume === null ? "" : `resume ${each.resume}`];
  return [...told, ...Object.entries(each.limits).map(([name, value]) => `${name} ${value}`)].filter(Boolean).join(", ") || "–";
}
