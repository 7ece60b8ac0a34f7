// Which screen is shown, and who is signed in.
import { manage, signedOut, useToken } from "./api.js";
import { h, put } from "./dom.js";
import { attempt, wrong } from "./notice.js";
import { hadSession, remember } from "./remember.js";
import { SCREENS } from "./screens.js";
import { signIn } from "./sign_in.js";

const RANK = { viewer: 0, operator: 1, admin: 2 };
const main = document.getElementById("main");
const side = document.getElementById("side");
let session = null;
let shown = new AbortController();

/** Whether the session may do what needs a role. */
const may = (need) => session !== null && RANK[session.role] >= RANK[need];

async function start() {
  topBar();
  if (!hadSession()) {
    outside();
    return;
  }
  try {
    enter(await manage("GET", "session", undefined, { keep: true }));
  } catch (error) {
    if (error.status === 401) outside();
    else put(main, h("h1", {}, "Switchyard"), wrong(error, start));
  }
}

function enter(who) {
  session = who;
  useToken(who.csrf);
  remember(true);
  document.body.classList.remove("outside");
  topBar();
  show();
}

function outside(message = "") {
  session = null;
  remember(false);
  shown.abort();
  side.hidden = true;
  document.body.classList.add("outside");
  document.title = "Sign in – Switchyard";
  topBar();
  signIn(main, enter, message);
}

function topBar() {
  const theme = window.switchyardTheme;
  const words = (name) => `Colours: ${name}`;
  const colours = h("button", { type: "button" }, words(theme.current()));
  colours.addEventListener("click", () => { colours.textContent = words(theme.next()); });
  const leave = h("button", { type: "button", on: { click: signOut } }, "Sign out");
  put(document.getElementById("top"),
    h("a", { class: "name", href: "#/overview" }, h("img", { src: "icon.svg", alt: "" }), "Switchyard"),
    h("span", { class: "grow" }),
    session ? h("span", { class: "who muted" }, `${session.key} (${session.role})`) : null,
    colours, session ? leave : null);
}

async function signOut() {
  await attempt(() => manage("DELETE", "session", undefined, { keep: true }));
  outside("You are signed out.");
}

/** The screen that the address names, with what stands behind its name. */
function wanted() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/");
  const screen = SCREENS.find((each) => each.name === name && may(each.need)) ?? SCREENS[0];
  return { screen, rest: rest.map(decodeURIComponent), query: new URLSearchParams(query) };
}

async function show() {
  if (session === null) return;
  const { screen, rest, query } = wanted();
  shown.abort();
  shown = new AbortController();
  const { signal } = shown;
  menu(screen);
  document.title = `${screen.title} – Switchyard`;
  try {
    put(main);
    await screen.show(main, { signal, rest, query, session, may });
  } catch (error) {
    if (signal.aborted) return;
    put(main, h("h1", {}, screen.title), wrong(error, show));
  }
}

function menu(current) {
  side.hidden = false;
  put(side, h("ul", {}, SCREENS.filter((each) => may(each.need)).map((each) =>
    h("li", {}, h("a", { href: `#/${each.name}`, "aria-current": each === current ? "page" : null }, each.title)))));
  side.querySelector("[aria-current]").scrollIntoView({ block: "nearest", inline: "nearest" });
}

addEventListener("hashchange", () => {
  if (location.hash.startsWith("#/") || location.hash === "") {
    show();
    main.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
});
signedOut.addEventListener("end", () => { if (session !== null) outside("The session is over. Sign in again."); });
start();
