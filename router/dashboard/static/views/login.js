// One sign-in with a provider: its caveat, the address or the code, the answer brought by hand, and how it ends.
import { ask } from "../api.js";
import { choice, field, h, put } from "../dom.js";
import { attempt, ask as window, wrong } from "../notice.js";
import { copyable, countdown, scannable, tick } from "../parts.js";

const EVERY = 2000;
const OPEN = ["pending", "waiting", "exchanging"];
export const FLOWS = { code: "in a browser", device: "with a code on another device", paste: "by pasting a cookie or token" };

/** Lead a person through it. Resolves when the window is closed. */
export function signInTo(provider) {
  const path = `v1/auth/${encodeURIComponent(provider.provider)}/login`;
  const life = new AbortController();
  let running = null;
  return window(`Sign in to ${provider.title}`, (close, dialog) => {
    const place = h("div", { class: "stack", "aria-live": "polite" });
    dialog.addEventListener("close", () => {
      life.abort();
      if (running !== null && OPEN.includes(running.state)) ask("DELETE", `${path}/${running.login_id}`).catch(() => {});
    });
    put(place, first(provider, async (given) => {
      running = await ask("POST", path, given);
      step();
    }));
    tick(life.signal);

    function step() {
      put(place, shown(running, bring));
      if (OPEN.includes(running.state)) setTimeout(look, EVERY);
    }

    async function look() {
      if (life.signal.aborted) return;
      try {
        const now = await ask("GET", `${path}/${running.login_id}`, undefined, { signal: life.signal });
        const same = now.state === running.state && now.message === running.message && now.url === running.url && now.user_code === running.user_code;
        running = now;
        if (!same) step();
        else if (OPEN.includes(running.state)) setTimeout(look, EVERY);
      } catch (error) {
        if (!life.signal.aborted) put(place, wrong(error, look));
      }
    }

    async function bring(text) {
      await attempt(async () => {
        running = await ask("POST", `${path}/${running.login_id}/callback`, /^https?:/.test(text) ? { url: text } : { code: text });
        step();
      });
    }
    return [place, h("div", {}, h("button", { type: "button", on: { click: () => close() } }, "Close"))];
  });
}

function first(provider, begin) {
  const label = h("input", { autocomplete: "off", maxlength: 60, placeholder: "its address decides" });
  const flow = choice(provider.flows.map((each) => [each, FLOWS[each] ?? each]), provider.flows[0]);
  const accept = h("input", { type: "checkbox", required: true });
  const button = h("button", { class: "main", type: "submit" }, "Begin");
  const form = h("form", { class: "stack" },
    provider.caveat ? h("div", { class: "note warn" }, h("p", {}, provider.caveat), h("label", {}, accept, " I have read this and want it.")) : null,
    provider.flows.length > 1 ? field("How", flow) : null, field("Name of the account (optional)", label), h("div", {}, button));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    const named = label.value.trim() ? { label: label.value.trim() } : {};
    await attempt(() => begin({ flow: flow.value, accept: provider.caveat ? accept.checked : true, ...named }));
    button.disabled = false;
  });
  return form;
}

function shown(login, bring) {
  if (!OPEN.includes(login.state)) {
    const good = login.state === "done";
    return h("p", { class: `note ${good ? "good" : "bad"}` }, login.message || (good ? `Signed in as ${login.account}.` : `It ended: ${login.state}.`));
  }
  const address = login.verification_uri_complete ?? login.url ?? login.verification_uri;
  return [
    login.message ? h("p", { class: "note" }, login.message) : null,
    login.state === "exchanging" ? h("p", {}, "The answer is being turned into an account…") : null,
    address ? h("div", { class: "row" },
      h("a", { class: "button", href: safe(address), target: "_blank", rel: "noopener noreferrer" }, "Open the provider's page"),
      copyable(address, "Copy the address")) : null,
    login.user_code && address ? scannable(address, "The same address as a QR code, for a telephone") : null,
    login.user_code ? [h("p", {}, "Enter this code there:"), h("p", { class: "usercode" }, login.user_code), copyable(login.user_code, "Copy the code")] : null,
    login.paste ? paste(login, bring) : null,
    h("small", {}, countdown("Time left:", login.expires_at)),
  ];
}

/** Addresses come from settings and providers; only those of the web are followed. */
function safe(address) {
  return /^https?:\/\//.test(address) ? address : null;
}

function paste(login, bring) {
  const secret = login.flow === "paste";
  const text = h("input", { required: true, autocomplete: "off", spellcheck: "false", type: secret ? "password" : "text" });
  const form = h("form", { class: "row end" }, field(`Or paste ${login.paste}`, text, "grow"), h("button", { type: "submit" }, "Send"));
  if (login.listens) form.append(h("small", {}, "On the router's own machine the browser brings the answer by itself."));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    bring(text.value.trim());
  });
  return form;
}
