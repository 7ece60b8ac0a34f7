// What the page is set to, and small helpers.
//
// Faults, from /config.json or ?fault=a,b: no-run (Run never wakes up), backdrop (an overlay stays), welcome (a dialog at
// the start), copyright (a dialog at the first upload), survey (an iframe), no-settings (the panel is missing),
// model-stuck (the model cannot be changed), hidden-wire (see server.py), foreign-nodes (answers in unknown elements),
// rewrite (all nodes are made anew with every piece), xhr (answers are read by XMLHttpRequest), separate-stop (a stop
// button of its own), no-structured (no structured output), stuck-temperature, silent-run (Run does nothing),
// slow-stop (Stop takes 700 ms), late (see server.py).

export const config = await (await fetch("/config.json")).json();
export const faults = new Set([
  ...config.faults,
  ...(new URLSearchParams(location.search).get("fault") || "").split(",").filter(Boolean),
]);

const PREFERENCES = "aiStudioUserPreference";
const stored = JSON.parse(localStorage.getItem(PREFERENCES) || "{}");
const named = (stored.promptModel || "").replace("models/", "");

export const state = {
  model: named in config.models && !faults.has("model-stuck") ? named : Object.keys(config.models)[0],
  temperature: 1, topP: 0.95, maxTokens: 65536, stops: [], system: "",
  thinking: true, manualBudget: false, budget: 8192, level: "High",
  functions: false, declarations: "[]", search: false, url: false, code: false, structured: false, schema: "",
  toolsOpen: Boolean(stored.areToolsOpen), advancedOpen: Boolean(stored.isAdvancedOpen),
  incognito: false, panel: null, settingsShown: true,
};
state.maxTokens = limit();

export function limit() {
  return config.models[state.model].output;
}

export function remember() {
  localStorage.setItem(PREFERENCES, JSON.stringify({
    promptModel: "models/" + state.model, areToolsOpen: state.toolsOpen, isAdvancedOpen: state.advancedOpen,
  }));
}

/** An element from a tag with attributes and children; a key that begins with "on" is a listener. */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((each) => each != null && each !== false));
  return made;
}

export const overlays = document.querySelector(".cdk-overlay-container");

/** Show something above the page, with a backdrop that a click or Escape closes. Returns how to close it. */
export function overlay(node, { stuck = false } = {}) {
  const backdrop = el("div", { class: "cdk-overlay-backdrop cdk-overlay-backdrop-showing" });
  const close = () => { backdrop.remove(); node.remove(); removeEventListener("keydown", escape); };
  const escape = (event) => { if (event.key === "Escape" && !stuck) close(); };
  if (!stuck) backdrop.addEventListener("click", close);
  addEventListener("keydown", escape);
  overlays.append(backdrop, node);
  return close;
}

export function dialog(title, body, buttons, kind) {
  const inner = el("div", { class: "mat-mdc-dialog-inner-container" }, el("h2", {}, title), body);
  const node = el("mat-dialog-container", { class: "mat-mdc-dialog-container", role: "dialog" }, kind ? el(kind, {}, inner) : inner);
  const close = overlay(node);
  for (const [label, attributes, act] of buttons) {
    inner.append(el("button", { type: "button", ...attributes, onclick: () => { if (act() !== false) close(); } }, label));
  }
  return close;
}

export function toast(words, level = "error") {
  const node = el("div", { class: "toast " + level }, el("span", { class: "content-text" }, words));
  document.querySelector("#toasts").append(node);
  setTimeout(() => node.remove(), 4000);
}

export function callout(words, level = "error") {
  document.querySelector("#callouts").replaceChildren(
    el("ms-callout", { class: level + "-callout" }, el("div", { class: "message" }, words)));
}
