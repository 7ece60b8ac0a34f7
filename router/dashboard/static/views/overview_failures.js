// Why did that fail: the newest failures with the cause in words, each leading to its whole story.
import { h } from "../dom.js";
import { time } from "../parts.js";
import { cause, sentences } from "../words.js";

const MOST = 5;

/** The card's content. */
export function failures(calls) {
  return [
    h("header", {}, h("h2", {}, "Why did that fail?"), h("a", { href: "#/requests?failed=1" }, "All failures")),
    calls.length === 0
      ? h("p", { class: "muted" }, "Nothing has failed lately.")
      : h("ul", { class: "list" }, calls.slice(0, MOST).map(failure)),
  ];
}

function failure(call) {
  const [words, advice] = cause(call);
  return h("li", {},
    h("div", { class: "row apart" },
      h("a", { href: `#/requests/${encodeURIComponent(call.id)}` }, `${words}: ${call.asked || call.surface}`),
      h("small", {}, time(call.at))),
    h("small", {}, sentences(call.reason, advice)));
}
