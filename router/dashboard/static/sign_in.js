// The way in: a key becomes a session of this browser. The key itself is not kept.
import { manage } from "./api.js";
import { field, h, put } from "./dom.js";
import { wrong } from "./notice.js";

/** Show the form. entered: gets who came in. */
export function signIn(main, entered, message) {
  const key = h("input", { type: "password", name: "key", autocomplete: "current-password", required: true, spellcheck: "false" });
  const button = h("button", { class: "main", type: "submit" }, "Sign in");
  const place = h("div", { "aria-live": "polite" }, message ? h("p", { class: "note" }, message) : null);
  const form = h("form", { class: "stack", on: { submit: (event) => { event.preventDefault(); send(); } } },
    h("input", { type: "text", name: "username", value: "switchyard", autocomplete: "username", hidden: true }),
    field("Management key", key), place, h("div", {}, button));

  async function send() {
    button.disabled = true;
    try {
      const who = await manage("POST", "session", { key: key.value }, { keep: true });
      key.value = "";
      entered(who);
    } catch (error) {
      const told = error.status === 401 ? Object.assign(error, { message: "That is no key for management.", status: -1 }) : error;
      put(place, wrong(told));
      key.focus();
    } finally {
      button.disabled = false;
    }
  }

  put(main, h("section", { class: "card narrow" },
    h("h1", {}, "Sign in"),
    h("p", {}, "With the management key, or a key whose scope is ", h("code", {}, "viewer"), " or ", h("code", {}, "operator"), "."),
    form,
    h("small", {}, h("code", {}, "make up"), " printed it; it is kept in ", h("code", {}, "state/keys/management.key"),
      " on the router's machine. The session lasts twelve hours.")));
  key.focus();
}
