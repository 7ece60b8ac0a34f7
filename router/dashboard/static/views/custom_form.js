// The form of a model that is added to a provider: what it is called, what it is for, how much it takes, what it can do.
import { choice, field, h } from "../dom.js";
import { hinted } from "../marks.js";

const KINDS = [["", "as its name says"], ["chat", "chat: answers in words"], ["embedding", "embedding: makes vectors"], ["image", "image: makes pictures"]];
const FLAGS = [
  ["tools", "Calls tools"], ["images", "Takes images"], ["documents", "Takes documents"], ["audio", "Takes audio"], ["video", "Takes video"],
  ["json_schema", "Follows a JSON schema"], ["thinking_by_default", "Thinks unless told not to"], ["slow", "May think for minutes"],
];
const ANSWERS = [["", "as known"], ["true", "yes"], ["false", "no"]];

/** The fields. model: what is filled in; null for a new one. providers: pairs of id and words. Gives the elements, the
 * controls by the names that the router has for them, the one for all other facts, and what reads them: throws where a
 * line of the other facts is none. */
export function fields(model, providers) {
  const known = model?.capabilities ?? {};
  const text = (value, more) => h("input", { value: value ?? "", autocomplete: "off", spellcheck: "false", autocapitalize: "off", ...more });
  const tokens = (value) => h("input", { type: "number", inputmode: "numeric", min: 1, step: 1, placeholder: "as known", value: value ?? "" });
  const controls = {
    ...(model ? {} : { provider: choice(providers, providers[0]?.[0]), id: text("", { required: true, placeholder: "gpt-5-preview" }) }),
    display_name: text(model?.display_name, { maxlength: 200, placeholder: "its name" }),
    aliases: text(model?.aliases.join(", "), { placeholder: "none" }),
    kind: choice(KINDS, model?.kind ?? ""),
    context_window: tokens(model?.context_window), max_output: tokens(model?.max_output),
    ...Object.fromEntries(FLAGS.map(([name]) => [`capabilities.${name}`, choice(ANSWERS, name in known ? String(known[name]) : "")])),
  };
  const others = Object.entries(known).filter(([name]) => !FLAGS.some(([flag]) => flag === name));
  const other = h("textarea", {
    rows: 3, spellcheck: "false", autocapitalize: "off", placeholder: "thinking: none\nmax_stops: 4", value: others.map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join("\n"),
  });
  const read = () => {
    const value = (name) => controls[name].value.trim();
    const number = (name) => (value(name) === "" ? null : Number(value(name)));
    const flags = FLAGS.map(([name]) => [name, controls[`capabilities.${name}`].value]).filter(([, said]) => said !== "").map(([name, said]) => [name, said === "true"]);
    return {
      ...(model ? {} : { provider: value("provider"), id: value("id") }),
      display_name: value("display_name") || null, aliases: value("aliases").split(/[,\s]+/).filter(Boolean), kind: value("kind") || null,
      context_window: number("context_window"), max_output: number("max_output"), capabilities: { ...facts(other.value), ...Object.fromEntries(flags) },
    };
  };
  const elements = [
    h("div", { class: "grid" },
      model ? null : hinted(field("Provider", controls.provider), "Who has it. Its key or sign-in is used."),
      model ? null : hinted(field("Name at the provider", controls.id), "As the provider writes it: letters, digits and . _ : / @ + ~ -, no blanks."),
      hinted(field("Other names (optional)", controls.aliases), "What programs ask for, with commas between; lists show these in place of the name."),
      hinted(field("Name for people (optional)", controls.display_name), "Shown in lists of models."),
      field("What it is for", controls.kind), field("Window: tokens of prompt and answer", controls.context_window), field("Longest answer in tokens", controls.max_output)),
    h("details", { open: Object.keys(known).length > 0 }, h("summary", {}, "What it can do"), h("div", { class: "stack" },
      h("small", {}, "“As known” leaves it to what is known of the name. A model of which nothing is known counts as one that can do what is usual today."),
      h("div", { class: "grid three" }, FLAGS.map(([name, words]) => field(words, controls[`capabilities.${name}`]))),
      hinted(field("Other facts (optional)", other), "One on each line, as name: value; docs/providers.md has them all."))),
  ];
  return { elements, controls, other, read };
}

/** Lines of `name: value`; a value is what JSON makes of it, else its text. Throws as the router refuses. */
export function facts(text) {
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  return Object.fromEntries(lines.map((line) => {
    const [, name, value] = /^(\w+)\s*:\s*(.+)$/.exec(line) ?? [];
    if (name === undefined) throw Object.assign(new Error(`“${line}” is no fact: write name: value`), { more: { fields: { "A line": `“${line}” must be name: value` } } });
    try {
      return [name, JSON.parse(value)];
    } catch {
      return [name, value];
    }
  }));
}
