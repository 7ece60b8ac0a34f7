// The run settings: drawn anew from the state after every change, with collapsed parts left out.

import { config, dialog, el, faults, limit, overlay, remember, state } from "/web/state.js";

const side = document.querySelector("#side");

export function draw() {
  const shown = state.settingsShown && innerWidth >= 600 && !faults.has("no-settings");
  side.replaceChildren(...[panel(), shown && settings()].filter(Boolean));
  side.hidden = !shown && !state.panel;
}

function set(name, value) {
  state[name] = value;
  remember();
  draw();
}

function number(name, low, high, attributes) {
  const input = el("input", { type: "number", ...attributes, onchange: () => {
    const value = Number(input.value);
    if (name === "temperature" && faults.has("stuck-temperature")) return draw();
    if (input.value !== "" && Number.isFinite(value)) state[name] = Math.min(high, Math.max(low, value));
    draw();
  } });
  input.value = state[name];
  return input;
}

function toggle(name, attributes = {}, { disabled = false, then = () => {} } = {}) {
  return el("button", { type: "button", role: "switch", class: "mdc-switch" + (disabled ? " mdc-switch--disabled" : ""),
    "aria-checked": String(state[name]), disabled, ...attributes,
    onclick: () => { state[name] = !state[name]; then(); draw(); } }, state[name] ? "on" : "off");
}

function thinking() {
  const { thinking: kind, budget } = config.models[state.model];
  if (kind === "none") return [];
  if (kind === "levels") {
    return [el("label", {}, "Thinking level", el("mat-select", { role: "combobox", "aria-label": "Thinking Level", tabindex: "0", onclick: levels }, state.level))];
  }
  const rows = [];
  if (kind === "toggle") rows.push(el("label", {}, "Thinking mode", el("mat-slide-toggle", { "data-test-toggle": "enable-thinking" }, toggle("thinking", { "aria-label": "Toggle thinking mode" }))));
  if (kind === "always" || state.thinking) {
    rows.push(el("label", {}, "Set thinking budget", el("mat-slide-toggle", { "data-test-toggle": "manual-budget" },
      toggle("manualBudget", { "aria-label": "Toggle thinking budget between auto and manual" }))));
    if (state.manualBudget) rows.push(el("div", { "data-test-id": "user-setting-budget-animation-wrapper" }, number("budget", 512, budget, { min: 512, max: budget })));
  }
  return rows;
}

function levels() {
  const list = el("div", { role: "listbox", "aria-label": "Thinking Level" });
  const close = overlay(list);
  for (const name of ["Minimal", "Low", "Medium", "High"]) {
    list.append(el("mat-option", { role: "option", onclick: () => { close(); set("level", name); } }, name));
  }
}

function tools() {
  const ours = { disabled: state.search || state.url };
  const theirs = { disabled: state.functions };
  const parts = [
    el("label", { "data-test-id": "functionCallingTooltip" }, "Function calling",
      el("mat-slide-toggle", { class: "function-calling-toggle" }, toggle("functions", {}, ours)),
      el("button", { type: "button", class: "edit-function-declarations-button", "aria-label": "Edit function declarations", disabled: !state.functions, onclick: declarations }, "Edit")),
    el("label", { "data-test-id": "searchAsAToolTooltip" }, "Grounding with search", el("mat-slide-toggle", {}, toggle("search", {}, theirs))),
    el("label", { "data-test-id": "browseAsAToolTooltip" }, "URL context", el("mat-slide-toggle", {}, toggle("url", { "aria-label": "Browse the url context" }, theirs))),
    el("label", {}, "Code execution", el("mat-slide-toggle", { class: "code-execution-toggle" }, toggle("code", {}, theirs))),
  ];
  if (!faults.has("no-structured")) {
    parts.push(el("label", {}, "Structured output", el("mat-slide-toggle", { class: "structured-output-toggle" }, toggle("structured")),
      el("button", { type: "button", class: "edit-json-schema-button", "aria-label": "Edit JSON schema", disabled: !state.structured, onclick: schema }, "Edit")));
  }
  return parts;
}

function editor(title, name, kind, save, others) {
  const text = el("textarea", {});
  text.value = state[name];
  const tabs = el("ms-tab-group", {}, el("button", { type: "button", role: "tab" }, "Visual Editor"),
    el("button", { type: "button", role: "tab", onclick: () => { box.hidden = false; } }, "Code Editor"));
  const box = el("ms-text-editor", {}, text);
  box.hidden = true;
  dialog(title, el("div", {}, tabs, box), [
    ["Reset", others.reset, () => { text.value = ""; return false; }],
    ["Save", save, () => {
      try { JSON.parse(text.value); } catch { return false; }
      set(name, text.value);
    }],
    ["x", { "aria-label": "Close" }, () => {}],
  ], kind);
}

function declarations() {
  editor("Function declarations", "declarations", "ms-edit-function-declarations-dialog",
    { "aria-label": "Save the current function declarations" }, { reset: { "aria-label": "Reset the function declarations" } });
}

function schema() {
  editor("JSON schema", "schema", "ms-edit-json-schema-dialog", { "aria-label": "Save the current JSON schema" },
    { reset: { "aria-label": "Reset the JSON schema" } });
}

function expander(label, name, rows) {
  return el("div", { class: "settings-group" + (state[name] ? " expanded" : "") },
    el("div", {}, el("button", { type: "button", "aria-label": `Expand or collapse ${label}`, onclick: () => set(name, !state[name]) }, label)),
    ...(state[name] ? rows() : []));
}

function advanced() {
  const add = el("input", { "aria-label": "Add stop token", placeholder: "Add stop…", onkeydown: (event) => {
    if (event.key !== "Enter" || add.value === "") return;
    event.preventDefault();
    if (state.stops.length < 5) state.stops.push(add.value);
    draw();
  } });
  return [
    el("label", {}, "Stop sequences", add),
    ...state.stops.map((stop) => el("mat-chip", {}, stop, el("button", { type: "button", class: "remove-button", "aria-label": `Remove ${stop}`,
      onclick: () => set("stops", state.stops.filter((each) => each !== stop)) }, "x"))),
    el("label", {}, "Output length", number("maxTokens", 1, limit(), { "aria-label": "Maximum output tokens", min: 1, max: limit() })),
    el("label", {}, "Top P", el("ms-slider", {}, number("topP", 0, 1, { max: 1, step: 0.01, class: "slider-number-input", "aria-valuemax": 1 }))),
  ];
}

function settings() {
  return el("ms-run-settings", {},
    el("button", { type: "button", class: "model-selector-card", onclick: () => { state.panel = "models"; draw(); } },
      el("span", { "data-test-id": "model-name" }, config.models[state.model].title)),
    el("button", { type: "button", "data-test-system-instructions-card": true, onclick: () => { state.panel = "system"; draw(); } },
      "System instructions", el("div", {}, state.system.slice(0, 80))),
    el("label", {}, "Temperature", el("ms-slider", {}, number("temperature", 0, 2, { max: 2, step: 0.05, class: "slider-number-input", "aria-valuemax": 2 }))),
    ...thinking(),
    expander("tools", "toolsOpen", tools),
    expander("advanced settings", "advancedOpen", advanced));
}

function panel() {
  const close = el("button", { type: "button", "data-test-close-button": true, "aria-label": "Close panel", onclick: () => { state.panel = null; draw(); } }, "x");
  if (state.panel === "system") {
    const text = el("textarea", { "aria-label": "System instructions", oninput: () => { state.system = text.value; } });
    text.value = state.system;
    return el("ms-sliding-right-panel", {}, el("ms-system-instructions-panel", {}, close, text));
  }
  if (state.panel !== "models") return null;
  const rows = Object.entries(config.models).map(([name, { title }]) => el("ms-model-carousel-row", {},
    el("button", { type: "button", class: "content-button", onclick: () => {
      if (!faults.has("model-stuck")) { state.model = name; state.maxTokens = limit(); state.manualBudget = false; }
      state.panel = null;
      remember();
      draw();
    } }, el("span", { class: "model-title-text" }, title), el("span", { class: "model-id" }, name))));
  return el("ms-sliding-right-panel", {}, el("ms-model-carousel", {}, close, ...rows));
}
