// The newest calls as they end, filtered; each leads to its story.
import { manage } from "../api.js";
import { field, h, put } from "../dom.js";
import { many, money, moment, short, span, zone } from "../format.js";
import { follow, soon } from "../live.js";
import { filled, wrong } from "../notice.js";
import { badge, tally, time } from "../parts.js";
import { line, table } from "../table.js";
import { cause, failed } from "../words.js";
import { story } from "./story.js";

const MOST = 300;
const COLUMNS = [
  { title: "Time", kind: "tight", cell: (call) => h("a", { href: `#/requests/${encodeURIComponent(call.id)}` }, time(call.at)) },
  { title: "Asked for", cell: (call) => call.asked || call.surface },
  { title: "Result", kind: "broad", cell: result },
  { title: "Answered by", cell: (call) => (call.provider ? `${call.provider}/${call.model}` : "nobody") },
  { title: "Key, client", cell: (call) => [call.key || "–", call.client ? h("small", {}, h("br"), call.client) : null] },
  { title: "Tries", kind: "number", cell: (call) => call.attempts.length },
  { title: "Tokens in / out", kind: "number", cell: (call) => `${call.estimated ? "≈ " : ""}${short(call.input)} / ${short(call.output)}` },
  { title: "Cost", kind: "number", cell: (call) => (call.cost === null ? (call.input === null ? "–" : "unknown") : money(call.cost, call.unpriced.length)) },
  { title: "Took", kind: "number", cell: (call) => [span(call.total), call.first_byte === null ? null : h("small", {}, h("br"), `first ${span(call.first_byte)}`)] },
];

export function show(main, context) {
  if (context.rest[0]) return story(main, context, context.rest[0]);
  const { signal, query } = context;
  const text = h("input", { type: "search", value: query.get("text") ?? "", placeholder: "model, key, client, reason, id" });
  const troubled = h("input", { type: "checkbox" });
  troubled.checked = query.get("failed") === "1";
  const session = h("input", { value: query.get("session") ?? "", placeholder: "all", autocomplete: "off", spellcheck: "false" });
  const sums = h("div");
  const state = tally();
  const place = h("div");
  let stream = new AbortController();
  let paused = false;
  const pause = h("button", { type: "button", "aria-pressed": "false" }, "Pause");
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Go on" : "Pause";
    if (paused) tell("paused");
    else load();
  });
  put(main, h("h1", {}, "Requests"),
    h("p", { class: "lead" }, `The newest thousand calls, as they end; each leads to its story. Neither prompts nor answers are kept. Times: ${zone()}.`),
    h("div", { class: "card" },
      h("form", { class: "row end", on: { submit: (event) => event.preventDefault() } }, field("Search", text, "grow"), field("Conversation", session),
        h("label", {}, troubled, " only failures and calls that needed more than one try"), pause, state.element),
      sums, place));
  const later = soon(load, 250);
  text.addEventListener("input", later);
  session.addEventListener("input", later);
  troubled.addEventListener("change", load);
  signal.addEventListener("abort", () => stream.abort());
  load();

  function tell(words) {
    const rows = place.querySelectorAll("tbody tr").length;
    state.tell(many(rows, "call"), words);
  }

  async function load() {
    stream.abort();
    stream = new AbortController();
    const mine = stream.signal;
    const wanted = new URLSearchParams({ failed: String(troubled.checked), text: text.value.trim(), session: session.value.trim() });
    together(mine);
    try {
      const { calls } = await manage("GET", `calls?limit=${MOST}&${wanted}`, undefined, { signal: mine });
      put(place, table("Calls, the newest first", COLUMNS, calls, text.value || session.value || troubled.checked ? "No call fits." : "No call has come yet. The screen Keys tells how to point a program here; its calls then show by themselves."));
      tell(paused ? "paused" : "live");
      if (!paused) follow(`calls/live?${wanted}`, mine, arrived, tell);
    } catch (error) {
      if (!mine.aborted) put(place, wrong(error, load));
    }
  }

  /** What one conversation used altogether, from the ledger: it may have begun before the calls that are shown. */
  function together(mine) {
    const name = session.value.trim();
    if (name === "") return put(sums);
    return filled(sums, async () => {
      const asked = new URLSearchParams({ by: "model", since: 0, session: name });
      const { total, lines } = await manage("GET", `usage?${asked}`, undefined, { signal: mine });
      return h("p", { class: "note", role: "note" }, h("strong", {}, "This conversation: "),
        `${many(total.calls, "call")}, ${money(total.cost, total.unknown)}, `,
        `${short(total.fresh_input + total.cache_read + total.cache_write_5m + total.cache_write_1h)} tokens in, of them ${short(total.cache_read)} from caches, ${short(total.output + total.reasoning)} out`,
        lines.length > 0 ? `; with ${lines.map((each) => `${each.name} (${money(each.cost, each.unknown)})`).join(", ")}` : "", ".",
        h("small", {}, ` As of ${moment(Date.now() / 1000)}; calls enter the ledger a moment after they end.`));
    });
  }

  function arrived(call) {
    const body = place.querySelector("tbody");
    if (body === null) put(place, table("Calls, the newest first", COLUMNS, [call]));
    else {
      body.prepend(line(COLUMNS, call));
      while (body.rows.length > MOST) body.lastElementChild.remove();
    }
    tell("live");
  }
}

function result(call) {
  if (failed(call)) return badge("down", cause(call)[0]);
  return call.outcome === "cancelled" ? badge("off", "client left") : badge("ok", call.attempts.length > 1 ? "ok, after a failure" : "ok");
}
