// Which models there are, and which of them would answer to a name.
import { manage } from "../api.js";
import { card, choice, field, h, put } from "../dom.js";
import { many, short } from "../format.js";
import { soon } from "../live.js";
import { attempt, filled } from "../notice.js";
import { table } from "../table.js";
import { ownModels } from "./custom_models.js";
import { plan } from "./plan.js";
import { routes } from "./routes.js";

const MOST = 200;

export async function show(main, { signal, query, may }) {
  const search = h("input", { type: "search", value: query.get("text") ?? "", placeholder: "name or provider" });
  const kind = choice([["", "all"], "chat", "embedding", "image"], "");
  const provider = choice([["", "all"]], "");
  const origin = choice([["", "all"], ["custom", "added ones"]], "");
  const state = h("span", { class: "muted", role: "status" });
  const place = h("div");
  const name = h("input", { required: true, value: query.get("model") ?? "", placeholder: "gpt-5, claude-…, my-alias", autocomplete: "off", spellcheck: "false" });
  const dialect = choice([["chat", "Chat Completions"], ["responses", "Responses"], ["messages", "Messages"], ["gemini", "Gemini"]], "chat");
  const key = choice([["", "one with every right"]], "");
  const result = h("div", { "aria-live": "polite" });
  const rules = h("div");
  let models = [];

  const test = () => filled(result, async () => {
    const asked = new URLSearchParams({ model: name.value.trim(), dialect: dialect.value, ...(key.value ? { key: key.value } : {}) });
    return plan(await manage("GET", `explain?${asked}`, undefined, { signal }));
  });
  const draw = () => {
    const words = search.value.trim().toLowerCase();
    const found = models.filter((each) => (!kind.value || each.kind === kind.value) && (!provider.value || each.provider === provider.value) && (!origin.value || each.origin === origin.value) && `${each.id} ${each.provider} ${each.display_name ?? ""}`.toLowerCase().includes(words));
    put(state, found.length > MOST ? `the first ${MOST} of ${many(found.length, "model")}` : many(found.length, "model"));
    put(place, list(found.slice(0, MOST), (id) => { name.value = id; test(); name.focus(); }));
  };
  search.addEventListener("input", soon(draw, 150));
  for (const each of [kind, provider, origin]) each.addEventListener("change", draw);
  const load = () => filled(place, async () => {
    ({ models } = await manage("GET", "models", undefined, { signal }));
    const chosen = provider.value;
    const names = [...new Set(models.map((each) => each.provider))].sort();
    put(provider, h("option", { value: "" }, "all"), names.filter(Boolean).map((each) => h("option", { value: each }, each)));
    provider.value = names.includes(chosen) ? chosen : "";
    draw();
    return [...place.childNodes];
  });
  put(main, h("h1", {}, "Models and routes"),
    h("p", { class: "lead" }, "What a name would do, and why, before it costs anything; and every model of the lists."),
    h("div", { class: "stack" },
      card("Try a name", null,
        h("form", { class: "row end", on: { submit: (event) => { event.preventDefault(); test(); } } },
          field("Model", name, "grow"), field("Asked in", dialect), may("operator") ? field("With the key", key) : null, h("button", { class: "main", type: "submit" }, "Show the plan")),
        result),
      rules,
      ownModels(signal, may("admin"), load),
      card("All models", state, h("div", { class: "row end" }, field("Search", search, "grow"), field("Provider", provider), field("Kind", kind), field("Show", origin)), place)));
  if (may("operator")) await offer(key, query.get("key") ?? "", signal);
  await filled(rules, async () => routes(await manage("GET", "routing", undefined, { signal }), (asked) => { name.value = asked; test(); name.focus(); }));
  await load();
  if (name.value) test();
}

/** The client keys to choose from. chosen: the id or the name of one. */
async function offer(key, chosen, signal) {
  await attempt(async () => {
    const { keys } = await manage("GET", "keys", undefined, { signal });
    const usable = keys.filter((each) => each.scopes.includes("client") && each.state === "usable");
    key.append(...usable.map((each) => h("option", { value: each.id }, each.name)));
    key.value = usable.find((each) => [each.id, each.name].includes(chosen))?.id ?? "";
  });
}

function list(models, take) {
  return table("Models", [
    { title: "Name", cell: (each) => each.id },
    { title: "Provider", cell: (each) => (each.origin === "custom" ? `${each.provider} (added)` : each.provider || `alias of ${each.model}`) },
    { title: "Kind", cell: (each) => each.kind },
    { title: "Window", kind: "number", cell: (each) => short(each.context_window) },
    { title: "Longest answer", kind: "number", cell: (each) => short(each.max_output) },
    { title: "Actions", cell: (each) => h("button", { type: "button", "aria-label": `Plan for ${each.id}`, on: { click: () => take(each.id) } }, "Plan") },
  ], models, "No model fits.");
}
