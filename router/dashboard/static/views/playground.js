// A small client: talk with any model in any dialect, with the raw events beside the words.
import { address, manage } from "../api.js";
import { DIALECTS, errorOf, reader } from "../dialects.js";
import { card, choice, field, h, put } from "../dom.js";
import { span } from "../format.js";

let kept = ""; // the client key: in memory only, gone with the page
let talk = [];

export async function show(main, { signal }) {
  const key = h("input", { type: "password", required: true, value: kept, autocomplete: "off", spellcheck: "false" });
  const model = h("input", { required: true, value: "demo/echo", list: "models", autocomplete: "off", spellcheck: "false" });
  const names = h("datalist", { id: "models" });
  const dialect = choice(Object.entries(DIALECTS).map(([name, each]) => [name, each.title]), "chat");
  const stream = h("input", { type: "checkbox", checked: true });
  const text = h("textarea", { rows: 3, required: true, placeholder: "Say something" });
  const send = h("button", { class: "main", type: "submit" }, "Send");
  const stop = h("button", { type: "button", disabled: true }, "Stop");
  const anew = h("button", { type: "button", on: { click: () => { talk = []; put(said); put(raw); put(told); } } }, "Start anew");
  const [said, raw, told] = [h("ol", { class: "talk", "aria-live": "polite" }), h("pre", { class: "mono" }), h("p", { class: "muted", role: "status" })];
  let running = null;

  const form = h("form", { class: "card" },
    h("div", { class: "row end" }, field("Client key (stays in this page's memory)", key, "grow"), field("Model", model, "grow"), names,
      field("Dialect", dialect), h("label", {}, stream, " streamed")),
    field("Message", text), h("div", { class: "row" }, send, stop, anew), told);
  form.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  stop.addEventListener("click", () => running?.abort());
  signal.addEventListener("abort", () => running?.abort());
  put(main, h("h1", {}, "Playground"),
    h("p", { class: "lead" }, "A call like any other, with a client key (", h("a", { href: "#/keys" }, "make one"), "): it counts, costs and stands under Requests. Ctrl+Enter sends. demo/echo needs no account."),
    h("div", { class: "stack" }, form, h("div", { class: "grid" }, card("Talk", null, said, h("p", { class: "muted blank" }, "What you and the model say stands here.")),
      card("What came over the wire", null, h("div", { class: "code tall", tabindex: "0", role: "region", "aria-label": "Raw events" }, raw, h("p", { class: "muted blank" }, "The events of the answer, as they come."))))));
  talk.forEach(shown);
  manage("GET", "models", undefined, { signal })
    .then(({ models }) => put(names, models.slice(0, 500).map((each) => h("option", { value: each.id }))), () => {});

  function shown({ who, text: words }) {
    const place = h("span", {}, words);
    said.append(h("li", { class: who }, h("b", {}, who === "you" ? "You" : "Model"), place));
    return place;
  }

  async function ask() {
    if (running !== null) return;
    kept = key.value;
    running = new AbortController();
    send.disabled = true;
    stop.disabled = false;
    put(raw);
    const mine = { who: "you", text: text.value };
    const [asked, place] = [shown(mine).parentElement, shown({ who: "model", text: "" })];
    const began = performance.now();
    try {
      const answer = await exchange({ key: kept, dialect: dialect.value, model: model.value.trim(), talk: [...talk, mine], stream: stream.checked }, running.signal, place, raw);
      talk.push(mine, { who: "model", text: answer.text });
      text.value = "";
      put(told, `Status ${answer.status}, ${span((performance.now() - began) / 1000)}${answer.served ? `, answered by ${answer.served}` : ""}${answer.id ? ". " : "."}`,
        answer.id ? h("a", { href: `#/requests/${encodeURIComponent(answer.id)}` }, "Its story") : null);
    } catch (error) {
      asked.remove();
      place.parentElement.remove();
      put(told, running.signal.aborted ? "Stopped." : `It failed: ${error.message}`);
    } finally {
      running = null;
      send.disabled = false;
      stop.disabled = true;
    }
  }
}

async function exchange(wanted, signal, place, raw) {
  const speaks = DIALECTS[wanted.dialect];
  const response = await fetch(address(speaks.path(wanted)), {
    method: "POST", signal, credentials: "omit", headers: { "content-type": "application/json", ...speaks.headers(wanted.key) },
    body: JSON.stringify(speaks.body(wanted)),
  });
  const facts = { status: response.status, id: response.headers.get("x-switchyard-request-id"), served: response.headers.get("x-switchyard-model") };
  if (!response.ok || !wanted.stream) {
    const body = await response.text();
    raw.textContent = pretty(body);
    const answer = JSON.parse(body);
    if (!response.ok) throw new Error(`${errorOf(answer) || body.slice(0, 300)} (status ${response.status})`);
    place.textContent = speaks.whole(answer);
    return { ...facts, text: place.textContent };
  }
  const read = reader();
  const pieces = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let piece = await pieces.read(); !piece.done; piece = await pieces.read()) {
    for (const data of read(piece.value)) {
      raw.append(`${data}\n`);
      if (data === "[DONE]") continue;
      const event = JSON.parse(data);
      if (errorOf(event)) throw new Error(errorOf(event));
      place.append(speaks.delta(event));
    }
  }
  return { ...facts, text: place.textContent };
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
