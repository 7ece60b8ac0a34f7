// What keys may do: told in words, and as fields to be filled in.
import { choice, field, h } from "./dom.js";
import { facts } from "./table.js";

const LISTS = [
  ["models", "Models", "gpt-4.1*", "models"], ["providers", "Providers", "anthropic", "providers"],
  ["accounts", "Accounts", "claude-oauth/*", "accounts"], ["ips", "Addresses", "192.0.2.0/24", "addresses"],
];
const OTHERS = [["any", "another model may answer"], ["same_family", "only one of the same family"], ["never", "only the model that is asked for"]];
const THINKS = [
  ["", "as elsewhere"], ["passthrough", "what the caller asks for"], ["off", "not at all"], ["fixed", "always the default"],
  ["adaptive", "as much as the model likes"],
];
const UNPRICED = [["", "as the settings say"], ["allow", "may answer"], ["refuse", "are refused"]];
const RECORDED = [["", "as the settings say"], ["true", "all calls, with their content"], ["false", "never"]];

/** Everything that narrows a key, or that it has of its own; null where there is nothing. */
export function told(key) {
  const rights = key.rights ?? {};
  const pairs = [
    ...LISTS.map(([name, title]) => [title, rights[name]?.join(", ")]),
    ["Other models", OTHERS.find(([name]) => name !== "any" && name === rights.substitution)?.[1]],
    ["Before prompts", rights.system_prompt?.prepend], ["Behind prompts", rights.system_prompt?.append],
    ["Thinking", rights.thinking && thinking(rights.thinking)],
    ["Models without a price", UNPRICED.find(([value]) => value !== "" && value === rights.unpriced)?.[1]],
    ["Recorded", RECORDED.find(([value]) => value === String(rights.request_log))?.[1]],
    ["At once", key.concurrency === null ? null : `${key.concurrency}${key.queue ? `, ${key.queue} may wait` : ""}`],
    ["Goes", key.priority === "batch" ? "after others" : null],
  ];
  return pairs.some(([, value]) => value) ? facts(pairs) : null;
}

function thinking({ mode = "passthrough", default: usual, max }) {
  const words = THINKS.find(([name]) => name === mode)[1];
  return [words, usual != null && `default ${usual}`, max != null && `at most ${max}`].filter(Boolean).join(", ");
}

/** Fields for rights. Gives the elements, and what reads them: every right by its name, null where it is not limited. */
export function fields(rights) {
  const lists = LISTS.map(([name, title, example, many]) => [name, title, h("textarea", {
    rows: 2, spellcheck: "false", autocapitalize: "off", placeholder: `all ${many}; one per line, such as ${example}`, value: rights?.[name]?.join("\n") ?? "",
  })]);
  const other = choice(OTHERS, rights?.substitution ?? "any");
  const [prepend, append] = ["prepend", "append"].map((name) => h("textarea", { rows: 2, placeholder: "nothing", value: rights?.system_prompt?.[name] ?? "" }));
  const thinks = thinkingFields(rights?.thinking);
  const unpriced = choice(UNPRICED, rights?.unpriced ?? "");
  const recorded = choice(RECORDED, String(rights?.request_log ?? ""));
  const read = () => ({
    ...Object.fromEntries(lists.map(([name, , input]) => [name, lines(input)])),
    substitution: other.value === "any" ? null : other.value,
    system_prompt: prepend.value || append.value ? { prepend: prepend.value, append: append.value } : null,
    thinking: thinks.read(),
    unpriced: unpriced.value || null,
    request_log: recorded.value === "" ? null : recorded.value === "true",
  });
  return { read, elements: h("div", { class: "grid" }, lists.map(([, title, input]) => field(title, input)),
    field("Words before system prompts", prepend), field("Words behind system prompts", append), field("Instead of the model", other),
    thinks.elements,
    field("Models without a price", unpriced), field("Recorded", recorded)) };
}

/** Fields for how much models think; read gives null where nothing is said. */
export function thinkingFields(thinking) {
  const mode = choice(THINKS, thinking ? thinking.mode ?? "passthrough" : "");
  const [usual, most] = ["default", "max"].map((name) => h("input", { autocomplete: "off", placeholder: "low, or tokens", value: thinking?.[name] ?? "" }));
  const amounts = () => ({ default: usual.value.trim() || null, max: most.value.trim() || null });
  const read = () => (mode.value || usual.value.trim() || most.value.trim() ? { mode: mode.value || "passthrough", ...amounts() } : null);
  return { read, elements: [field("How much models think", mode), field("Thinking by default", usual), field("Thinking at most", most)] };
}

/** The lines of a text that say something; null where none does. */
export function lines(input) {
  const given = input.value.split("\n").map((each) => each.trim()).filter(Boolean);
  return given.length === 0 ? null : given;
}
