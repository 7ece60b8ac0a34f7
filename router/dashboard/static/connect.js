// How programs are pointed at this gateway: what to type or to write, with the address and a key filled in.
import { address, manage } from "./api.js";
import { choice, field, h, put } from "./dom.js";
import { copyable } from "./parts.js";

const PLACEHOLDER = "YOUR_KEY";
const DEMO = "demo/echo";
const TRIED = 12;
let shown = 0; // a window in front of the page may show a second one

/** Every program: [id, title, text, what to know]. base: without a slash at its end. model: any text, since names come
 * from providers: it stays one word of a shell, and one text of a language. Pure. */
export function snippets(base, key, model) {
  const [word, text] = [shellWord(model), JSON.stringify(model)];
  const body = JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }] });
  return [
    ["curl", "curl (a first try)", `curl ${base}/v1/chat/completions \\\n  -H "Authorization: Bearer ${key}" \\\n  -H "Content-Type: application/json" \\\n  -d ${shellWord(body)}`,
      "Type it into a terminal."],
    ["claude", "Claude Code", `export ANTHROPIC_BASE_URL=${base}\nexport ANTHROPIC_AUTH_TOKEN=${key}\nexport ANTHROPIC_MODEL=${word}\nclaude`,
      "Type it into a terminal. Without the third line Claude Code asks for its own models, which needs an account that has them."],
    ["codex", "Codex CLI", `# ~/.codex/config.toml\nmodel = ${text}\nmodel_provider = "switchyard"\n\n[model_providers.switchyard]\nname = "Switchyard"\nbase_url = "${base}/v1"\nenv_key = "SWITCHYARD_KEY"\nwire_api = "responses"\n\n# then, in a terminal:\n# export SWITCHYARD_KEY=${key}\n# codex`,
      "Write it into the file that its first line names."],
    ["gemini", "Gemini CLI", `export GOOGLE_GEMINI_BASE_URL=${base}\nexport GEMINI_API_KEY=${key}\ngemini -m ${word}`,
      "Type it into a terminal. ~/.gemini/settings.json must say {\"security\": {\"auth\": {\"selectedType\": \"gemini-api-key\"}}}."],
    ["python", "OpenAI SDK (Python)", `from openai import OpenAI\n\nclient = OpenAI(base_url="${base}/v1", api_key="${key}")\nanswer = client.chat.completions.create(\n    model=${text}, messages=[{"role": "user", "content": "Hello"}]\n)\nprint(answer.choices[0].message.content)`,
      "OPENAI_BASE_URL and OPENAI_API_KEY in the environment do the same for most programs that speak OpenAI's API."],
    ["node", "OpenAI SDK (Node)", `import OpenAI from "openai";\n\nconst client = new OpenAI({ baseURL: "${base}/v1", apiKey: "${key}" });\nconst answer = await client.chat.completions.create({\n  model: ${text}, messages: [{ role: "user", content: "Hello" }],\n});\nconsole.log(answer.choices[0].message.content);`,
      "Run it as a module (.mjs)."],
    ["other", "anything else", `Address (OpenAI):             ${base}/v1\nAddress (Anthropic, Gemini):  ${base}\nKey:                          ${key}\nModel:                        ${model}`,
      "Wherever a program asks for a base URL and an API key."],
  ];
}

function shellWord(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The choice of a program and what to do for it. key: as it was just made; without one a placeholder stands there. */
export function connect(key = PLACEHOLDER) {
  const base = address("").href.replace(/\/$/, "");
  const model = h("input", { value: DEMO, autocomplete: "off", spellcheck: "false", list: `connect-models-${shown += 1}` });
  const known = h("datalist", { id: `connect-models-${shown}` });
  const only = h("small", { hidden: true }, `No model of these lists can serve yet, so ${DEMO} stands here, which answers without an account. Add an account, or put in the name of a model that a provider of yours has.`);
  const program = choice(snippets(base, key, "").map(([id, title]) => [id, title]), "curl");
  const place = h("div", { class: "stack" });
  const draw = () => {
    const [, , text, hint] = snippets(base, key, model.value.trim() || DEMO).find(([id]) => id === program.value);
    put(place, h("pre", { class: "code", tabindex: "0", role: "region", "aria-label": "What to type or to write" }, text),
      h("div", { class: "row" }, copyable(text, "Copy this"), h("small", { class: "grow" }, hint)));
  };
  program.addEventListener("change", draw);
  model.addEventListener("input", draw);
  draw();
  offered(known, model, draw).then((real) => { only.hidden = real; });
  return h("div", { class: "stack" },
    h("div", { class: "row end" }, field("Program", program, "grow"), field("Model", model, "grow")), known, only, place,
    key === PLACEHOLDER ? h("small", {}, `Put the text of a key where ${PLACEHOLDER} stands; it is shown once, when the key is made.`) : null);
}

/** Offer the models that are listed, and put in the first that would be answered now instead of the demo's, unless somebody
 * has typed already: what stands there is copied as it is. Gives whether a real one stands there. */
async function offered(known, model, draw) {
  try {
    const { models } = await manage("GET", "models");
    put(known, models.map((each) => h("option", { value: each.id })));
    const real = models.filter((each) => each.provider !== "demo" && each.kind === "chat");
    const first = await serving([...real.filter((each) => each.provider !== ""), ...real.filter((each) => each.provider === "")].slice(0, TRIED));
    if (model.value !== DEMO) return true;
    if (first === null) return false;
    model.value = first;
    draw();
  } catch {
    // the demo's name does as well
  }
  return true;
}

/** The first of these models that would be answered now. Names without a provider are aliases, which may lead nowhere. */
async function serving(models) {
  for (const each of models) {
    const { outcome } = await manage("GET", `explain?${new URLSearchParams({ model: each.id })}`);
    if (outcome.action === "serve" && outcome.provider !== "demo") return each.id;
  }
  return null;
}
