// The plan for a model name, as the engine that routes tells it.
import { h } from "../dom.js";
import { many, span } from "../format.js";
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
    told.key ? ofKey(told.key) : null,
    told.skipped.length > 0 ? table("Left out", [
      { title: "Target", cell: (each) => `${each.provider}/${each.model}` }, { title: "Why", cell: (each) => each.reason },
    ], told.skipped) : null);
}

/** What the rights of the key take away. */
function ofKey(key) {
  const some = key.fewer.map((each) => h("li", {}, `Of ${each.provider} it may use ${each.accounts.join(", ")} alone, ${each.accounts.length} of ${many(each.of, "account")} (${each.reason}).`));
  const words = key.lost.length > 0 ? `The key ${key.name} loses ${key.lost.length} of ${many(key.of, "candidate")}.`
    : key.of === 0 ? `Nobody could serve this for any key, so not for ${key.name} either.` : `The key ${key.name} loses no candidate.`;
  return h("div", { class: "stack" }, h("p", { class: `note ${key.lost.length > 0 ? "warn" : ""}` }, words), some.length > 0 ? h("ul", {}, some) : null,
    key.lost.length > 0 ? table("What this key loses", [
      { title: "Target", cell: (each) => `${each.provider}/${each.model}` }, { title: "Why", cell: (each) => each.reason },
    ], key.lost) : null);
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
