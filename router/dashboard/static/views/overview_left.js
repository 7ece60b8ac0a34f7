// How much is left: every quota window with its reset and what to expect at this pace.
import { remains } from "../budgets.js";
import { forecast } from "../forecast.js";
import { h } from "../dom.js";
import { percent, span } from "../format.js";
import { countdown, meter } from "../parts.js";

const KEPT = 60;
const seen = new Map();

/** Keep what windows said, for those whose pace can only be watched. */
export function remember(windows, now) {
  for (const each of windows) {
    const name = `${each.account} ${each.window}`;
    const looks = seen.get(name) ?? [];
    if (looks.length > 0 && looks.at(-1).used > each.used) looks.length = 0; // it began anew
    if (looks.length === 0 || now - looks.at(-1).at >= 60) looks.push({ at: now, used: each.used });
    seen.set(name, looks.slice(-KEPT));
  }
}

/** The card's content: quota windows as providers tell them, and budgets of keys. */
export function left(windows, budgets, now) {
  return [
    h("header", {}, h("h2", {}, "How much is left?"), h("a", { href: "#/accounts" }, "Accounts")),
    windows.length === 0
      ? h("p", { class: "muted" }, "No provider has told of a quota yet. Most do with their first answer.")
      : h("ul", { class: "list" }, [...windows].sort((a, b) => b.used - a.used).map((each) => line(each, now))),
    budgets.length === 0 ? null : [h("h3", {}, "Of the budgets of keys"), h("ul", { class: "list" }, budgets.map((each) => budget(remains(each), now)))],
  ];
}

function line(each, now) {
  return shown([h("strong", {}, each.account), ` ${each.window}`], `${percent(1 - each.used)} left`, each, forecast(each, now, seen.get(`${each.account} ${each.window}`)), now);
}

function budget({ key, title, left: words, window }, now) {
  return shown([h("strong", {}, key), ` ${title.toLowerCase()}`], words, window, forecast(window, now), now);
}

function shown(name, words, window, guess, now) {
  return h("li", {},
    h("div", { class: "row apart" }, h("span", {}, name), h("span", {}, words)),
    meter(window.used),
    h("div", { class: "row apart" },
      h("small", {}, expected(guess, now)),
      h("small", {}, window.resets_at ? countdown("resets in", window.resets_at) : "reset unknown")));
}

function expected(guess, now) {
  if (guess === null) return "";
  if (guess.full_at === undefined) return `at this pace ${percent(guess.left)} will be left`;
  const wait = guess.full_at - now;
  return wait <= 60 ? "used up" : `at this pace used up in ${span(wait)}`;
}
