// A window of AI Studio: the service opens a browser, here on the desktop or to be seen through noVNC.
import { ask } from "../api.js";
import { card, field, h, put } from "../dom.js";
import { hinted } from "../marks.js";
import { attempt, wrong } from "../notice.js";

const EVERY = 2000;
const OVER = ["done", "failed"];
const ENDS = {
  waiting: () => "Sign in there.",
  done: (login) => `Signed in: the profile ${login.profile} serves now.`,
  failed: () => "The sign-in failed. Try again; logs/aistudio.log says why.",
};

/** The card. again: shows the accounts anew. */
export function studio(again) {
  const profile = h("input", {
    value: "default", required: true, pattern: "[a-z0-9][a-z0-9._\\-]*", maxlength: 60, autocomplete: "off", spellcheck: "false", autocapitalize: "off",
    title: "small letters, digits, dots, dashes and underscores",
  });
  const place = h("div", { class: "stack", "aria-live": "polite" });
  const button = h("button", { type: "submit" }, "Open a browser");
  const form = h("form", { class: "stack" },
    hinted(field("Profile", profile), "A name for the Google account, yours to choose; signing in to one that is there renews it."), h("div", {}, button));
  let current = null;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    current = null;
    put(place, h("p", {}, "Asking the service…"));
    try {
      follow(await ask("POST", "v1/auth/aistudio/login", { profile: profile.value.trim() }));
    } catch (error) {
      put(place, wrong(error));
    }
    button.disabled = false;
  });

  function follow(login) {
    const open = !OVER.includes(login.state); // services may have other words on the way
    current = login.login_id;
    put(place,
      h("p", { class: `note ${login.state === "done" ? "good" : open ? "" : "bad"}` }, login.message || (ENDS[login.state] ?? ENDS.waiting)(login)),
      open && /^https?:\/\//.test(login.vnc_url ?? "")
        ? [h("p", {}, h("a", { class: "button", href: login.vnc_url, target: "_blank", rel: "noopener noreferrer" }, "Open the window (noVNC)")), tunnel(login.vnc_url)] : null,
      open ? h("div", {}, h("button", { type: "button", on: { click: () => attempt(async () => { follow(await ask("DELETE", path(login))); button.focus(); }) } }, "Give up")) : null);
    if (open) setTimeout(() => look(login), EVERY);
    else again();
  }

  /** How it goes; not where another one was begun meanwhile, or the screen was left. */
  async function look(login) {
    if (!place.isConnected || current !== login.login_id) return;
    try {
      const now = await ask("GET", path(login));
      if (current !== login.login_id) return;
      if (now.state === login.state && now.message === login.message && now.vnc_url === login.vnc_url) setTimeout(() => look(login), EVERY);
      else follow(now);
    } catch (error) {
      put(place, wrong(error, () => look(login)));
    }
  }
  return card("Google AI Studio, in a browser", null,
    h("small", {}, "The AI Studio service opens a browser on the router's machine, and you sign in to Google there, once. It must run: providers.aistudio in the settings, docs/aistudio.md."),
    form, place);
}

/** How to come to a window of another machine: it is shown on that machine alone. */
function tunnel(url) {
  const { hostname, port } = new URL(url);
  const near = ["127.0.0.1", "localhost", "[::1]"];
  if (!near.includes(hostname)) return null;
  return h("small", {}, `It is shown on the router's machine alone. From another one, first: `, h("code", {}, `ssh -L ${port}:127.0.0.1:${port} ${near.includes(location.hostname) ? "your-server" : location.hostname}`), ".");
}

function path(login) {
  return `v1/auth/aistudio/login/${encodeURIComponent(login.login_id)}`;
}
