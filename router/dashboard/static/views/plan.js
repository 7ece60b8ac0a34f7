// The plan for a model name, as the engine that routes tells it.
import { h } from "../dom.js";
import { span } from "../format.js";
import { badge } from "../parts.js";
import { table } from "../table.js";

/** The answer of /explain, drawn. */
export function plan(told) {
  return h("div", { class: "stack" },
    h("p", { class: `note ${told.outcome.action === "serve" ? "good" : "bad"}` }, verdict(told.outcome)),
    told.how.length > 0 ? h("div", {}, h("h3", {}, "How the name was read"), h("ul", {}, told.how.map((each) => h("li", {}, each)))) : null,
    table("Who is asked, in this order", [
      { title: "Target", cell: (each) => `${each.provider}/${each.model}` },
      { title: "Now", cell: now },
      { title: "Why", kind: "roomy", cell: (each) => each.why },
      { title: "Lane", cell: (each) => `${each.lane}, ${each.dialect}` },
      { title: "Account", kind: "roomy", cell: (each) => each.account === null ? waiting(each) : [each.account, each.account_why].filter(Boolean).join(": ") },
    ], told.candidates, "Nobody."),
    told.skipped.length > 0 ? table("Left out", [
      { title: "Target", cell: (each) => `${each.provider}/${each.model}` }, { title: "Why", cell: (each) => each.reason },
    ], told.skipped) : null);
}

function verdict(outcome) {
  if (outcome.action === "serve") {
    return `${outcome.provider}/${outcome.model} would answer, with the account ${outcome.account}${outcome.probe ? ", as a probe after a failure" : ""}.`;
  }
  if (outcome.action === "refuse") return `The call would be refused: ${outcome.reason}`;
  return outcome.retry_after === null ? "No account can serve this." : `Nobody can serve now; an account can again in ${span(outcome.retry_after)}.`;
}

function now(each) {
  if (each.chosen) return badge("ok", "would answer");
  return each.account ? badge("off", "in reserve") : badge("down", "cannot serve");
}

function waiting(each) {
  return each.waiting.map((one) => `${one.account ?? "the whole target"}: ${one.cause}${one.seconds === null ? "" : ` (${span(one.seconds)})`}`).join("; ") || "none";
}
