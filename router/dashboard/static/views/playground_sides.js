// A call seen from both sides: what the client and the gateway said, beside what the gateway and the provider said.
import { choice, field, h, put } from "../dom.js";
import { count } from "../format.js";
import { facts } from "../table.js";
import { changesIn } from "../words.js";

const MOST = 200_000; // characters of one text that are shown

/** The four texts: gives the element, what fills the client's side as it goes, and what shows a record of the call. */
export function sides() {
  const told = h("div", { class: "stack" });
  const [asked, heard, sent, came] = ["Request of the client", "Raw events", "Request to the provider", "Answer of the provider"].map(pane);
  const which = h("div");
  const element = h("div", { class: "stack" }, told, which,
    h("div", { class: "sides" },
      side("Client to gateway", asked), side("Gateway to provider", sent), side("Gateway to client", heard), side("Provider to gateway", came)));
  const absent = (words) => { for (const each of [sent, came]) each.say(words); };
  return {
    element, asked, heard, absent,
    clear() {
      put(told);
      put(which);
      for (const each of [asked, heard, sent, came]) each.say("");
    },
    /** record: as /v0/management/records/{id} gives it. */
    provider(record) {
      const numbers = Object.keys(record).flatMap((stage) => /^upstream-(\d+)-request$/.exec(stage)?.[1] ?? []).sort((a, b) => a - b);
      put(told, journey(record, numbers));
      if (numbers.length === 0) return absent(record.neutral ? "No request left: the embedded demo answers by itself." : "No request left for a provider.");
      const draw = (number) => {
        sent.record(record[`upstream-${number}-request`]);
        came.record(record[`upstream-${number}-answer`]);
      };
      const attempts = numbers.map((number) => [number, `${number}: ${record[`upstream-${number}-request`].account}, ${ending(record[`upstream-${number}-answer`])}`]);
      const chosen = choice(attempts, numbers.at(-1));
      chosen.addEventListener("change", () => draw(chosen.value));
      put(which, numbers.length > 1 ? field("Request to a provider", chosen) : null);
      draw(numbers.at(-1));
    },
  };
}

function side(title, one) {
  return h("div", { class: "stack" }, h("h3", {}, title), one.element);
}

/** A text of bounded length, with what stands above it. */
function pane(label) {
  const head = h("div", { class: "muted" });
  const text = h("pre", { class: "mono" });
  let room = MOST;
  const one = {
    element: h("div", { class: "stack" }, head, h("div", { class: "code tall", tabindex: "0", role: "region", "aria-label": label }, text)),
    say(words) {
      put(head, words);
      put(text);
      room = MOST;
    },
    add(piece) {
      if (room <= 0) return;
      text.append(piece.length > room ? `${piece.slice(0, room)}\n… the rest is not shown` : piece);
      room -= piece.length;
    },
    /** One stage of a record. */
    record(stage) {
      one.say("");
      const line = stage.url ? `${stage.method} ${stage.url}` : stage.status === null ? "no answer" : `HTTP ${stage.status}`;
      put(head, h("p", {}, h("code", {}, line), stage.fault ? ` ${stage.fault.message}` : "", stage.cut ? ` Cut: it has ${count(stage.size)} bytes.` : ""),
        h("details", {}, h("summary", {}, "Headers"), facts(Object.entries(stage.headers))));
      one.add(pretty(stage.body));
    },
  };
  return one;
}

/** Which lane it took, and what was dropped or changed on the way. */
function journey({ meta, neutral }, numbers) {
  const lane = meta.lane === "raw" ? "Raw lane: the provider speaks the client's dialect, so its answer went through as it came."
    : meta.lane === "translated" || neutral ? "Translated: the provider speaks another dialect than the client."
      : meta.lane ? `Lane: ${meta.lane}.` : "";
  const changes = changesIn(meta.changes);
  return h("div", { class: "note", role: "note" },
    h("p", {}, [lane, numbers.length > 1 ? `${numbers.length} requests went to providers.` : ""].filter(Boolean).join(" ")),
    h("p", {}, changes.length > 0 ? h("strong", {}, "Changed on the way: ") : "Nothing was dropped or changed.", changes.join("; ")));
}

function ending(answer) {
  return answer.fault ? answer.fault.kind : `status ${answer.status}`;
}

export function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
