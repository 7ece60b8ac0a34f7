// Accounts that are brought along: cookies of Gemini's page for the WebAI service, and a file of another program.
import { ask } from "../api.js";
import { card, field, h, put } from "../dom.js";
import { hinted, sent } from "../marks.js";
import { wrong } from "../notice.js";
import { sentences } from "../words.js";

const PROVED_WITHIN = 130_000; // the service opens Google's page with them before it answers
const COOKIES = { account: "Name of the account", secure_1psid: "__Secure-1PSID", secure_1psidts: "__Secure-1PSIDTS (optional)" };

/** A form that does one thing at a time and tells under its fields how it goes. work: gives what to say of its end. */
function telling(elements, words, doing, controls, work) {
  const result = h("div", { "aria-live": "polite" });
  const button = h("button", { type: "submit" }, words);
  const form = h("form", { class: "stack" }, elements, result, h("div", {}, button));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    put(result, h("p", {}, doing));
    const well = await sent(async () => {
      try {
        const said = await work();
        form.reset();
        put(result, h("p", { class: `note ${said.good ? "good" : "warn"}` }, said.text));
      } catch (error) {
        put(result, error.more?.fields ? null : wrong(error));
        if (error.more?.fields) throw error;
      }
    }, controls);
    button.disabled = false;
    if (well && !document.activeElement.closest("form")) button.focus(); // it cannot hold the focus while it is disabled
  });
  return form;
}

/** The card for cookies. again: shows the accounts anew. */
export function cookies(again) {
  const controls = Object.fromEntries(Object.keys(COOKIES).map((name) => [name, h("input", {
    required: name !== "secure_1psidts", autocomplete: "off", spellcheck: "false", autocapitalize: "off", type: name === "account" ? "text" : "password",
    ...(name === "account" ? { placeholder: "work", pattern: "[a-z0-9][a-z0-9._\\-]*", maxlength: 60, title: "small letters, digits, dots, dashes and underscores" } : {}),
  })]));
  const elements = Object.entries(COOKIES).map(([name, words]) => {
    const made = field(words, controls[name]);
    return name === "account" ? hinted(made, "Yours to choose: small letters, digits, dots, dashes and underscores.") : made;
  });
  return card("Cookies of Gemini's page (WebAI)", null,
    h("small", {}, "For the WebAI service, which must run: providers.webai in the settings, docs/webai.md. In a browser that is signed in at gemini.google.com, the developer tools show them under Application (or Storage), Cookies. Read docs/responsible-use.md first."),
    telling(elements, "Hand them on", "The service opens the page with them, which may take a minute…", controls, async () => {
      const given = Object.entries(controls).map(([name, control]) => [name, control.value.trim()]).filter(([, value]) => value !== "");
      const said = await ask("POST", "v1/auth/webai", Object.fromEntries(given), { within: PROVED_WITHIN });
      again();
      return { good: true, text: `The WebAI service took the cookies: ${said.name} is ${said.state}.` };
    }));
}

/** The card for files. */
export function file(again) {
  const input = h("input", { type: "file", required: true, accept: ".json,application/json" });
  return card("Import an account", null,
    h("small", {}, "The account file of CLIProxyAPI, llmux, Codex, Claude Code, cto.new or an AI Studio profile. It is copied: two programs that renew one token lose it, so use the account in one of them alone."),
    telling([field("File of another program, as it is", input)], "Import", "The file is being read…", {}, async () => {
      const [chosen] = input.files;
      const brought = await ask("POST", `v1/auth/import?name=${encodeURIComponent(chosen.name)}`, await chosen.text());
      again();
      return { good: brought.became !== "known", text: sentences(`${chosen.name} ${brought.told}`) };
    }));
}
