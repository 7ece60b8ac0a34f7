// A small client: talk with any model in any dialect, with what came over the wire on both sides of the gateway.
import { address, manage } from "../api.js";
import { DIALECTS, errorOf, reader } from "../dialects.js";
import { card, choice, field, h, put } from "../dom.js";
import { span } from "../format.js";
import { told as inWords } from "../words.js";
import { pretty, sides } from "./playground_sides.js";

const WAIT = 5; // seconds for the record of a call that is over

let kept = ""; // the client key: in memory only, gone with the page
let talk = [];

export async function show(main, { signal, may }) {
  const key = h("input", { type: "password", required: true, value: kept, autocomplete: "off", spellcheck: "false" });
  const model = h("input", { required: true, value: "demo/echo", list: "models", autocomplete: "off", spellcheck: "false" });
  const names = h("datalist", { id: "models" });
  const dialect = choice(Object.entries(DIALECTS).map(([name, each]) => [name, each.title]), "chat");
  const stream = h("input", { type: "checkbox", checked: true });
  const record = h("input", { type: "checkbox", checked: may("admin") });
  const text = h("textarea", { rows: 3, required: true, placeholder: "Say something" });
  const send = h("button", { class: "main", type: "submit" }, "Send");
  const stop = h("button", { type: "button", disabled: true }, "Stop");
  const anew = h("button", { type: "button", on: { click: () => { talk = []; put(said); wire.clear(); put(told); } } }, "Start anew");
  const [said, told, wire] = [h("ol", { class: "talk", "aria-live": "polite" }), h("p", { class: "muted", role: "status" }), sides()];
  let running = null;

  const form = h("form", { class: "card" },
    h("div", { class: "row end" }, field("Client key (stays in this page's memory)", key, "grow"), field("Model", model, "grow"), names,
      field("Dialect", dialect), h("label", {}, stream, " streamed"),
      may("admin") ? h("label", {}, record, " with the provider's side") : null),
    field("Message", text), h("div", { class: "row" }, send, stop, anew), told);
  form.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  stop.addEventListener("click", () => running?.abort());
  signal.addEventListener("abort", () => running?.abort());
  put(main, h("h1", {}, "Playground"),
    h("p", { class: "lead" }, "A call like any other, with a client key (", h("a", { href: "#/keys" }, "make one"), "): it counts, costs and stands under Requests. Ctrl+Enter sends. demo/echo needs no account. ",
      may("admin") ? "With the provider's side it is recorded as observe.request_log would record it, and removed as old records are."
        : "What went to the provider is content that only admins may read."),
    h("div", { class: "stack" }, form, card("Talk", null, said, h("p", { class: "muted blank" }, "What you and the model say stands here.")), card("What came over the wire", null, wire.element)));
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
    wire.clear();
    const mine = { who: "you", text: text.value };
    const [asked, place] = [shown(mine).parentElement, shown({ who: "model", text: "" })];
    const began = performance.now();
    const call = { key: kept, dialect: dialect.value, model: model.value.trim(), talk: [...talk, mine], stream: stream.checked };
    const wanted = may("admin") && record.checked;
    try {
      if (wanted) call.ticket = (await manage("POST", "records/ticket", {}, { signal: running.signal })).ticket;
      const answer = await exchange(call, running.signal, place, wire);
      talk.push(mine, { who: "model", text: answer.text });
      text.value = "";
      put(told, `Status ${answer.status}, ${span((performance.now() - began) / 1000)}${answer.served ? `, answered by ${answer.served}` : ""}${answer.id ? ". " : "."}`,
        answer.id ? h("a", { href: `#/requests/${encodeURIComponent(answer.id)}` }, "Its story") : null);
    } catch (error) {
      asked.remove();
      place.parentElement.remove();
      put(told, running.signal.aborted ? "Stopped." : `It failed: ${error.message}`);
    } finally {
      if (call.id && wanted && !signal.aborted) await provider(call.id);
      else wire.absent(wanted ? "The call has not arrived." : may("admin") ? "Not asked for." : "Only admins may read it.");
      running = null;
      send.disabled = false;
      stop.disabled = true;
    }
  }

  async function provider(id) {
    try {
      wire.provider(await manage("GET", `records/${encodeURIComponent(id)}?wait=${WAIT}`, undefined, { signal }));
    } catch (error) {
      if (!signal.aborted) wire.absent(inWords(error));
    }
  }
}

/** call: what is asked; gets the call's id as soon as it is known. */
async function exchange(call, signal, place, wire) {
  const speaks = DIALECTS[call.dialect];
  const body = JSON.stringify(speaks.body(call));
  wire.asked.say(`POST /${speaks.path(call)}`);
  wire.asked.add(pretty(body));
  const response = await fetch(address(speaks.path(call)), {
    method: "POST", signal, credentials: "omit", body,
    headers: { "content-type": "application/json", ...speaks.headers(call.key), ...(call.ticket ? { "x-switchyard-record": call.ticket } : {}) },
  });
  const facts = { status: response.status, id: response.headers.get("x-switchyard-request-id"), served: response.headers.get("x-switchyard-model") };
  call.id = facts.id;
  wire.heard.say(`HTTP ${response.status}`);
  if (!response.ok || !call.stream) {
    const text = await response.text();
    wire.heard.add(pretty(text));
    const answer = JSON.parse(text);
    if (!response.ok) throw new Error(`${errorOf(answer) || text.slice(0, 300)} (status ${response.status})`);
    place.textContent = speaks.whole(answer);
    return { ...facts, text: place.textContent };
  }
  const read = reader();
  const pieces = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let piece = await pieces.read(); !piece.done; piece = await pieces.read()) {
    wire.heard.add(piece.value);
    for (const data of read(piece.value)) {
      if (data === "[DONE]") continue;
      const event = JSON.parse(data);
      if (errorOf(event)) throw new Error(errorOf(event));
      place.append(speaks.delta(event));
    }
  }
  return { ...facts, text: place.textContent };
}
