// A new account by its API key: tried with the provider first, then kept encrypted on the router's machine.
import { manage } from "../api.js";
import { card, choice, field, h, put } from "../dom.js";
import { filled, wrong } from "../notice.js";

const WITHIN = 70_000;
const TITLES = {
  openai: "OpenAI", anthropic: "Anthropic (Claude)", gemini: "Google Gemini", openrouter: "OpenRouter", deepseek: "DeepSeek",
  groq: "Groq", mistral: "Mistral", xai: "xAI (Grok)", together: "Together AI", fireworks: "Fireworks AI", glm: "Z.ai (GLM)",
  kimi: "Moonshot (Kimi)", minimax: "MiniMax", qwen: "Alibaba (Qwen)",
};

/** The card. again: shows the accounts anew. */
export function byKey(signal, again) {
  const place = h("div");
  filled(place, async () => form((await manage("GET", "accounts/providers", undefined, { signal })).providers, again));
  return card("Add an API key", null, place);
}

function form(providers, again) {
  const provider = choice(providers.map((each) => [each.provider, TITLES[each.provider] ?? each.provider]), providers[0]?.provider);
  const key = h("input", { type: "password", required: true, autocomplete: "off", spellcheck: "false", maxlength: 4096 });
  const label = h("input", { autocomplete: "off", maxlength: 60, placeholder: "default" });
  const model = h("input", { autocomplete: "off", spellcheck: "false", maxlength: 200, placeholder: "the cheapest known" });
  const where = h("small", { "aria-live": "polite" });
  const result = h("div", { "aria-live": "polite" });
  const send = h("button", { class: "main", type: "submit" }, "Add the key");
  const told = () => {
    const chosen = providers.find((each) => each.provider === provider.value);
    put(where, chosen.reason || `It is sent to ${chosen.address} and nowhere else, and kept on the router's machine like the sign-ins: encrypted, unless you switched that off.`);
    send.disabled = chosen.reason !== "";
  };
  provider.addEventListener("change", told);
  told();
  const made = h("form", { class: "stack" },
    h("div", { class: "grid" }, field("Provider", provider), field("API key", key), field("Name of the account (optional)", label),
      field("Model to try it with (optional)", model)),
    where, result, h("div", {}, send));
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    put(result, h("p", {}, "The provider is asked whether it takes the key…"));
    const optional = Object.entries({ label: label.value.trim(), model: model.value.trim() }).filter(([, text]) => text !== "");
    try {
      const added = await manage("POST", "accounts", { provider: provider.value, key: key.value, ...Object.fromEntries(optional) }, { within: WITHIN });
      for (const input of [key, label, model]) input.value = "";
      put(result, h("div", { class: `note ${added.checked === "unknown" ? "warn" : "good"}` }, h("p", {}, added.text),
        h("p", {}, "Next: ", h("a", { href: "#/keys" }, "make a key for a program"), " that may use it.")));
      again();
    } catch (error) {
      put(result, wrong(error));
      key.focus();
    }
    told();
  });
  return made;
}
