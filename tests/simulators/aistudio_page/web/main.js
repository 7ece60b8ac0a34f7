// The prompt box, running and stopping, files, and the dialogs around them.

import { callout, config, dialog, el, faults, overlay, remember, state, toast } from "/web/state.js";
import { draw } from "/web/settings.js";
import { ModelTurn, addUser, clear, turns } from "/web/turns.js";
import { generate } from "/web/wire.js";

const area = document.querySelector("ms-prompt-box textarea");
const mirror = document.querySelector("ms-prompt-box ms-autosize-textarea");
const run = document.querySelector("ms-prompt-box ms-run-button button");
const media = document.querySelector(".multi-media-row");
let files = [], running = null, timer, agreed = !faults.has("copyright");

function wake() {
  if (running) return;
  clearTimeout(timer);
  run.disabled = true;
  timer = setTimeout(() => {
    const uploading = files.some((file) => !file.ready);
    run.disabled = running ? false : (area.value.trim() === "" && !files.length) || uploading || faults.has("no-run");
  }, config.debounce);
}

area.addEventListener("input", () => { mirror.dataset.value = area.value; wake(); });

function showRun(busy) {
  run.type = busy ? "button" : "submit";
  run.replaceChildren(...(busy ? [svg(), "Stop"] : ["Run"]));
  run.setAttribute("aria-label", busy && !faults.has("separate-stop") ? "Stop" : "Run");
  run.disabled = !busy;
  document.querySelector("#stop")?.remove();
  if (busy && faults.has("separate-stop")) {
    run.parentElement.append(el("button", { id: "stop", type: "button", "aria-label": "Stop generating", onclick: () => running?.abort() }, "Stop"));
  }
}

function svg() {
  const spinner = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  spinner.setAttribute("class", "stoppable-spinner");
  spinner.setAttribute("width", "12");
  spinner.setAttribute("height", "12");
  return spinner;
}

run.addEventListener("click", (event) => {
  event.preventDefault();
  if (faults.has("silent-run")) return;
  if (running) return faults.has("slow-stop") ? setTimeout(() => running?.abort(), 700) : running.abort();
  if (!run.disabled) submit();
});

function request() {
  return { model: state.model, turns: turns.filter((each) => each.role !== "model" || each.text || each.calls), system: state.system,
    temperature: state.temperature, topP: state.topP, maxTokens: state.maxTokens, stops: state.stops,
    thinking: config.models[state.model].thinking === "toggle" ? state.thinking : null,
    budget: state.manualBudget ? state.budget : null, level: config.models[state.model].thinking === "levels" ? state.level : null,
    functions: state.functions ? JSON.parse(state.declarations) : null, search: state.search, url: state.url, code: state.code,
    schema: state.structured ? state.schema : null, incognito: state.incognito };
}

async function submit() {
  document.querySelector("#callouts").replaceChildren();
  addUser(area.value, files.map(({ name, type, size, digest }) => ({ name, type, size, digest })));
  area.value = ""; mirror.dataset.value = ""; files = []; media.replaceChildren();
  const body = request();
  const turn = new ModelTurn();
  running = new AbortController();
  const mine = running;
  showRun(true);
  const began = performance.now();
  try {
    const failed = await generate(body, mine.signal, (chunk) => {
      for (const part of chunk[0]?.[0]?.[0]?.[0] || []) turn.add(part);
    });
    if (failed) show(failed, turn);
    else turn.end((performance.now() - began) / 1000);
  } catch (error) {
    turn.end(null);
    if (error.name !== "AbortError") toast("Failed to generate content: network.");
  }
  if (running !== mine) return;
  running = null;
  showRun(false);
  wake();
}

function show({ place, words }, turn) {
  if (place === "quota") callout(words);
  else if (place === "free") callout(words, "warning");
  else if (place === "toast") toast(words);
  turn.fail(words);
}

document.querySelector("[data-test-clear]").addEventListener("click", () => {
  const fresh = () => {
    running?.abort();
    running = null;
    showRun(false);
    clear();
    files = []; media.replaceChildren(); area.value = ""; mirror.dataset.value = "";
    document.querySelector("#callouts").replaceChildren();
  };
  if (!turns.length) return fresh();
  dialog("Discard this chat?", el("p", {}, "It has not been saved."),
    [["Cancel", {}, () => {}], ["Discard and continue", { class: "ms-button-primary" }, fresh]]);
});

document.querySelector("[data-test-incognito-toggle]").addEventListener("click", (event) => {
  state.incognito = !state.incognito;
  event.currentTarget.setAttribute("aria-pressed", String(state.incognito));
  document.querySelector("#indicator").replaceChildren(...(state.incognito
    ? [el("ms-incognito-mode-indicator", {}, el("span", { class: "main-text" }, "Temporary chat"))] : []));
});

document.querySelector('[aria-label="Toggle run settings panel"]').addEventListener("click", () => {
  state.settingsShown = !state.settingsShown;
  draw();
});

document.querySelector("[data-test-id=add-media-button]").addEventListener("click", () => {
  const input = el("input", { type: "file", "data-test-upload-file-input": true, multiple: true, hidden: true });
  const item = el("button", { type: "button", role: "menuitem", "aria-label": "Upload a file", onclick: (event) => { if (event.target !== input) input.click(); } }, "Upload a file", input);
  const menu = el("div", { role: "menu" }, item);
  const close = overlay(menu);
  input.addEventListener("change", async () => { const chosen = [...input.files]; close(); await permitted(); chosen.forEach(upload); });
});

function permitted() {
  if (agreed) return Promise.resolve();
  return new Promise((resolve) => dialog("Copyright", el("p", {}, "Do you hold the rights?"),
    [["Agree", { class: "ms-button-primary" }, () => { agreed = true; resolve(); }]]));
}

async function upload(file) {
  const entry = { name: file.name, type: file.type, size: file.size, ready: false };
  files.push(entry);
  const chip = el("ms-media-chip", { class: "uploading" }, file.name);
  media.append(chip);
  wake();
  const bytes = await file.arrayBuffer();
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  entry.digest = [...hash].map((each) => each.toString(16).padStart(2, "0")).join("");
  setTimeout(() => { entry.ready = true; chip.classList.remove("uploading"); wake(); }, 60);
}

if (faults.has("backdrop")) overlay(el("div", { role: "presentation" }, "Look here!"), { stuck: true });
if (faults.has("welcome")) dialog("Welcome", el("p", {}, "New things."), [["Continue", { class: "ms-button-primary" }, () => {}]]);
if (faults.has("survey")) document.body.append(el("iframe", { class: "survey", id: "google-hats-survey", srcdoc: "How do you like it?" }));
addEventListener("resize", draw);
remember();
draw();
await fetch(config.listModels, { method: "POST", body: "[]" });
sessionStorage.setItem("studio", "open");
const opening = indexedDB.open("studio", 1);
opening.onupgradeneeded = () => opening.result.createObjectStore("notes").put("kept", "first");
