// A window of AI Studio: the service opens a browser, here on the desktop or to be seen through noVNC.
import { ask } from "../api.js";
import { card, field, h, put } from "../dom.js";
import { attempt, wrong } from "../notice.js";

const EVERY = 2000;

/** The card. again: shows the accounts anew. */
export function studio(again) {
  const profile = h("input", { value: "default", required: true, pattern: "[a-z0-9][a-z0-9._\\-]*", autocomplete: "off" });
  const place = h("div", { class: "stack", "aria-live": "polite" });
  const form = h("form", { class: "row end" }, field("Profile", profile, "grow"), h("button", { type: "submit" }, "Open a browser"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(async () => {
      put(place, h("p", {}, "Asking the service…"));
      try {
        follow(await ask("POST", "v1/auth/aistudio/login", { profile: profile.value.trim() }));
      } catch (error) {
        put(place, wrong(error));
      }
    });
  });

  function follow(login) {
    const open = login.state === "waiting";
    put(place,
      h("p", { class: `note ${login.state === "done" ? "good" : open ? "" : "bad"}` }, login.message),
      open && /^https?:\/\//.test(login.vnc_url ?? "")
        ? h("p", {}, h("a", { class: "button", href: login.vnc_url, target: "_blank", rel: "noopener noreferrer" }, "Open the window (noVNC)")) : null,
      open ? h("div", {}, h("button", { type: "button", on: { click: () => attempt(async () => { follow(await ask("DELETE", path(login))); }) } }, "Give up")) : null);
    if (open) setTimeout(() => look(login), EVERY);
    else again();
  }

  async function look(login) {
    if (!place.isConnected) return;
    try {
      const now = await ask("GET", path(login));
      if (now.state === login.state && now.message === login.message && now.vnc_url === login.vnc_url) setTimeout(() => look(login), EVERY);
      else follow(now);
    } catch (error) {
      put(place, wrong(error, () => look(login)));
    }
  }
  return card("Google AI Studio, in a browser", null, form, place);
}

function path(login) {
  return `v1/auth/aistudio/login/${encodeURIComponent(login.login_id)}`;
}
