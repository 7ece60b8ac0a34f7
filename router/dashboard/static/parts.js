// Small pieces that several screens show: states, meters, countdowns.
import { now } from "./clock.js";
import { h, s } from "./dom.js";
import { moment, span } from "./format.js";
import { qr } from "./qr.js";
import { state as words } from "./words.js";

/** A state with its colour, its shape and its word. */
export function badge(name, text) {
  const [tone, word] = words(name);
  return h("span", { class: `state ${tone}` }, text ?? word);
}

/** A bar for a share from 0 to 1. The figure stands beside it in words, so that it is hidden from screen readers. */
export function meter(share) {
  const tone = share >= 0.9 ? "bad" : share >= 0.7 ? "warn" : "good";
  return s("svg", { class: "meter", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
    s("rect", { class: "ground", width: 100, height: 10 }),
    s("rect", { class: tone, width: Math.min(100, Math.max(0, share * 100)), height: 10 }));
}

/** A point in time. */
export function time(at) {
  if (at === null || at === undefined) return "–";
  const when = new Date(at * 1000);
  return h("time", { datetime: when.toISOString(), title: when.toLocaleString([], { dateStyle: "full", timeStyle: "long" }) }, moment(at));
}

/** Words with the seconds until a time, which go on by `tick`. */
export function countdown(before, at) {
  return h("span", { "data-until": at, "data-before": before }, left(before, at));
}

function left(before, at) {
  const seconds = at - now();
  return seconds > 0 ? `${before} ${span(Math.max(1, Math.round(seconds)))}` : `${before} a moment`;
}

/** Let every countdown go on while a screen is shown. */
export function tick(signal) {
  const timer = setInterval(() => {
    for (const each of document.querySelectorAll("[data-until]")) {
      each.textContent = left(each.dataset.before, Number(each.dataset.until));
    }
  }, 1000);
  signal.addEventListener("abort", () => clearInterval(timer));
}

/** An address for a telephone's camera; null where it is too long for a code that a camera can read. */
export function scannable(text, words) {
  const rows = qr(text);
  if (rows === null) return null;
  const size = rows.length + 8; // four light squares around it belong to the code
  const dark = rows.flatMap((row, r) => row.flatMap((on, c) => (on ? [`M${c + 4} ${r + 4}h1v1h-1z`] : []))).join("");
  return s("svg", { class: "qr", viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": words },
    s("rect", { width: size, height: size, fill: "#fff" }), s("path", { d: dark, fill: "#000" }));
}

/** A key or an address to be taken along. */
export function copyable(text, label = "Copy") {
  const button = h("button", { type: "button" }, label);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select it and copy by hand";
    }
  });
  return button;
}

/** How many there are, and how it goes: only the latter is read out, and only when it changes. */
export function tally() {
  const [number, state] = [h("span"), h("span", { role: "status" })];
  return {
    element: h("span", { class: "muted" }, number, state),
    tell(many, words) {
      number.textContent = `${many}, `;
      if (state.textContent !== words) state.textContent = words;
    },
  };
}
