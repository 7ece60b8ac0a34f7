// One call: every attempt with its reason, and who would answer the same call now.
import { manage } from "../api.js";
import { card, h, put } from "../dom.js";
import { count, money, span, zone } from "../format.js";
import { filled } from "../notice.js";
import { badge, copyable, time } from "../parts.js";
import { facts } from "../table.js";
import { cause, failed, outcome } from "../words.js";
import { plan } from "./plan.js";

const DIALECTS = ["chat", "responses", "messages", "gemini"];

export async function story(main, { signal }, id) {
  const place = h("div", { class: "stack" });
  const about = h("p", { class: "lead" });
  put(main, h("p", {}, h("a", { href: "#/requests" }, "← All requests")), h("h1", {}, "One request"), about, place);
  await filled(place, async () => {
    const call = await manage("GET", `calls/${encodeURIComponent(id)}`, undefined, { signal });
    put(about, call.asked ? `For ${call.asked}` : call.surface, call.key ? `, with the key ${call.key}.` : ".");
    const now = h("div");
    if (call.asked) filled(now, () => explained(call, signal));
    return [verdict(call), attempts(call), numbers(call),
      call.asked ? card("What would happen now", null, now) : null];
  });
}

function verdict(call) {
  const bad = failed(call);
  const [why, advice] = cause(call);
  const words = bad ? `${why}.` : call.outcome === "cancelled" ? "The client went away before the end." : "It was answered.";
  return h("div", { class: `note ${bad ? "bad" : "good"}` },
    h("p", {}, h("strong", {}, words), call.reason ? ` ${call.reason}` : ""),
    bad ? h("p", {}, advice) : null);
}

function attempts(call) {
  const steps = call.attempts.map((each) => h("li", {},
    h("div", { class: "row" }, h("strong", {}, `${each.provider}/${each.model}`),
      each.outcome === "ok" ? badge("ok", "answered") : badge("down", outcome(each.outcome)),
      h("span", { class: "muted" }, span(each.seconds)), each.cost > 0 ? h("span", { class: "muted" }, money(each.cost)) : null),
    each.why ? h("p", {}, `Asked because: ${each.why}.`) : null,
    h("p", { class: "muted" }, [each.account && `account ${each.account}${each.chosen ? `: ${each.chosen}` : ""}`, each.status && `status ${each.status}`].filter(Boolean).join(", ")),
    each.reason ? h("p", {}, each.reason) : null));
  return card("Why it went there: attempts, in order", null, steps.length === 0
    ? h("p", { class: "muted" }, "No provider was asked.") : h("ol", { class: "steps" }, steps));
}

function numbers(call) {
  return card("Facts", copyable(call.id, "Copy the id"), facts([
    ["Id", h("code", {}, call.id)], ["Ended", [time(call.at), ` (${zone()})`]], ["Asked for", call.asked],
    ["Answered by", call.provider && `${call.provider}/${call.model}`], ["Account", call.account],
    ["Key", call.key], ["Client", call.client], ["Way in", [...new Set([call.surface, call.dialect, call.stream ? "streamed" : "in one piece"])].filter(Boolean).join(", ")],
    ["Conversation", call.session && [h("code", {}, call.session), " ", h("a", { href: `#/requests?session=${call.session}` }, "Show this conversation's calls")]],
    ["Lane", call.lane], ["Status", call.status], ["Finish", call.finish],
    ["First byte", span(call.first_byte)], ["Whole time", span(call.total)],
    ["The gateway's own", call.overhead === null ? null : span(call.overhead)],
    ["Cost", price(call)], ["Without a known price", call.unpriced.join(", ")],
    ["Tokens in", count(call.input)], ["of them cached", call.cached ? count(call.cached) : null],
    ["Tokens out", count(call.output)], ["of them reasoning", call.reasoning ? count(call.reasoning) : null],
    ["How exact", call.estimated ? "estimated: no provider told a count for all of it, so the cost is a guess as well" : null],
    ["Service tier", call.service_tier],
    ["Paid for each", Object.entries(call.items).map(([name, many]) => `${many} × ${name}`).join(", ")],
    ["Changed on the way", call.notes],
  ]));
}

/** Nothing was used where nobody answered; a price that nobody knows is told as such, never as free. */
function price(call) {
  if (call.input === null && call.output === null) return call.cost ? money(call.cost) : "nothing was used";
  if (call.cost === null) return ["unknown: no price table has what it used (", h("a", { href: "#/settings" }, "usage.prices"), " can name one)"];
  const listed = call.worth !== null && call.worth !== call.cost ? `, ${money(call.worth)} at list prices` : "";
  return `${money(call.cost, call.unpriced.length)}${listed}`;
}

async function explained(call, signal) {
  const dialect = DIALECTS.includes(call.dialect) ? call.dialect : "chat";
  const ask = (key) => {
    const query = new URLSearchParams({ model: call.asked, dialect, ...(key ? { key } : {}) });
    return manage("GET", `explain?${query}`, undefined, { signal });
  };
  return plan(await ask(call.key).catch(() => ask(""))); // the key may be gone by now
}
