// The router's log as it is written.
import { choice, field, h, put } from "../dom.js";
import { many } from "../format.js";
import { follow } from "../live.js";
import { tally } from "../parts.js";
import { changes } from "./changes.js";

const MOST = 1000;

export function show(main, { signal, may }) {
  const level = choice(["debug", "info", "warning", "error"], "info");
  const text = h("input", { type: "search", placeholder: "words in a line" });
  const state = tally();
  const list = h("ol", { class: "logs" });
  const box = h("div", { class: "tall", tabindex: "0", role: "region", "aria-label": "Lines of the log" }, list,
    h("p", { class: "muted blank" }, "No line fits yet. Lines show by themselves as the router writes them; “debug” shows the most."));
  let stream = new AbortController();

  const fits = (item) => item.textContent.toLowerCase().includes(text.value.trim().toLowerCase());
  const tell = (words) => state.tell(many(list.childElementCount, "line"), words);
  const open = () => {
    stream.abort();
    stream = new AbortController();
    put(list);
    follow(`logs/live?level=${level.value}&limit=200`, stream.signal, arrived, (words) => {
      if (words === "live") put(list); // after an interruption the past comes once more
      tell(words);
    });
  };
  function arrived(line) {
    const below = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    const item = h("li", { class: line.level }, line.text);
    item.hidden = !fits(item);
    list.append(item);
    while (list.childElementCount > MOST) list.firstElementChild.remove();
    if (below) box.scrollTop = box.scrollHeight;
    tell("live");
  }
  level.addEventListener("change", open);
  text.addEventListener("input", () => { for (const item of list.children) item.hidden = !fits(item); });
  signal.addEventListener("abort", () => stream.abort());
  put(main, h("h1", {}, "Logs"),
    h("p", { class: "lead" }, "Lines of the router, secrets already taken out. Other programs: ", h("code", {}, "make logs NAME=all"), "."),
    h("div", { class: "stack" }, h("div", { class: "card" },
      h("form", { class: "row end", on: { submit: (event) => event.preventDefault() } },
        field("At least", level), field("Filter", text, "grow"), state.element),
      box), may("admin") ? changes(signal) : null));
  open();
}
