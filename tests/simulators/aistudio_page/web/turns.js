// The conversation: user turns, and model turns that grow as an answer streams in.

import { el, faults, state } from "/web/state.js";

const content = document.querySelector(".chat-session-content");
export const turns = [];

export function clear() {
  turns.length = 0;
  content.replaceChildren(el("ms-zero-state", {}, "What shall we make today?"));
}

export function addUser(text, files) {
  content.querySelector("ms-zero-state")?.remove();
  turns.push({ role: "user", text, files });
  content.append(el("ms-chat-turn", {}, el("div", { class: "chat-turn-container user", "data-turn-role": "User" },
    el("div", { class: "author-label" }, "User"), el("div", { class: "turn-content" }, el("ms-text-chunk", {}, el("ms-cmark-node", { class: "cmark-node" }, text))))));
}

export class ModelTurn {
  constructor() {
    this.text = "";
    this.thought = "";
    this.pill = el("span", { class: "model-run-time-pill" });
    this.body = el("div", { class: "turn-content" }, el("ms-chat-loading-indicator", {}, "…"));
    this.edit = el("button", { type: "button", class: "toggle-edit-button", "aria-label": "Edit", onclick: () => this.toggleEdit() }, "Edit");
    const options = el("ms-chat-turn-options", {}, el("div", {}, el("button", { type: "button", "aria-label": "Open options" }, "…")));
    // Every turn has a button of this kind for running it again: not the one in the footer.
    const rerun = el("ms-run-button", {}, el("button", { type: "button", "aria-label": "Rerun this turn" }, "Rerun"));
    this.node = el("ms-chat-turn", {}, el("div", { class: "chat-turn-container model render", "data-turn-role": "Model" },
      el("div", { class: "actions-container" }, this.edit, rerun, el("div", {}, options)),
      el("div", { class: "author-label" }, "Model ", this.pill), this.body));
    content.append(this.node);
    this.entry = { role: "model", text: "" };
    turns.push(this.entry);
  }

  add(part) {
    this.body.querySelector("ms-chat-loading-indicator")?.remove();
    if (part[10]) return this.addCall(part[10]);
    if (part[12]) { this.thought += part[1]; this.renderThought(); }
    else { this.text += part[1]; this.entry.text = this.text; this.renderText(); }
  }

  renderThought() {
    this.thoughtBox ??= this.body.appendChild(el("ms-thought-chunk", {}, el("div", { class: "header" }, "Thoughts"),
      el("div", { class: "mat-expansion-panel-body" })));
    draw(this.thoughtBox.lastChild, this.thought);
  }

  renderText() {
    this.textBox ??= this.body.appendChild(el(faults.has("foreign-nodes") ? "x-words" : "ms-text-chunk", {}));
    draw(this.textBox, this.text);
  }

  addCall([name, args]) {
    this.entry.calls = [...(this.entry.calls || []), name];
    this.body.append(el("ms-function-call-chunk", {}, el("ms-code-block", { icon: "function" },
      el("mat-panel-title", {}, el("span", { class: "material-symbols-outlined" }, "function"), el("span", {}, name)),
      el("pre", {}, el("code", {}, JSON.stringify(plain(args), null, 2))))));
  }

  toggleEdit() {
    const editing = this.edit.getAttribute("aria-label") !== "Edit";
    this.edit.setAttribute("aria-label", editing ? "Edit" : "Stop editing");
    if (editing) return this.editor.replaceWith(this.body);
    const area = el("textarea", {});
    area.value = this.text;
    this.editor = el("div", { class: "turn-content" }, el("ms-autosize-textarea", { "data-value": this.text }, area));
    this.body.replaceWith(this.editor);
  }

  end(seconds) {
    this.body.querySelector("ms-chat-loading-indicator")?.remove();
    if (seconds !== null) this.pill.textContent = seconds.toFixed(1) + "s";
  }

  fail(words) {
    this.end(null);
    this.body.append(el("div", { class: "model-error" }, words));
  }
}

/** Blocks of Markdown, roughly: earlier nodes stay, the last is made anew, as the page does while text streams in. */
function draw(box, text) {
  const blocks = text.split(/\n\n+/);
  if (faults.has("rewrite")) box.replaceChildren();
  while (box.children.length > Math.max(0, blocks.length - 2)) box.lastChild.remove();
  for (const block of blocks.slice(box.children.length)) {
    const node = el(faults.has("foreign-nodes") ? "x-word" : "ms-cmark-node", { class: faults.has("foreign-nodes") ? "" : "cmark-node" });
    inline(node, block.replace(/^#+ /, "").replace(/^- /gm, "").replace(/^```\w*\n?|\n?```$/g, ""));
    box.append(node);
  }
}

function inline(node, text) {
  for (const piece of text.split(/(\*\*[^*]+\*\*|`[^`]+`)/)) {
    if (piece.startsWith("**") && piece.length > 4) node.append(el("strong", {}, piece.slice(2, -2)));
    else if (piece.startsWith("`") && piece.length > 2) node.append(el("code", {}, piece.slice(1, -1)));
    else node.append(piece);
  }
}

/** The arguments of a call, from the page's own wire (tests/simulators/aistudio_page/wire.py). */
export function plain([pairs]) {
  return Object.fromEntries((pairs || []).map(([key, value]) => [key, value_(value)]));
}

function value_(typed) {
  switch (typed.length) {
    case 1: return null;
    case 2: return typed[1];
    case 3: return typed[2];
    case 4: return typed[3] === 1;
    case 5: return plain(typed[4]);
    default: return typed[5][0].map(value_);
  }
}

clear();
