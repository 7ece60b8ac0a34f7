// Short messages at the edge that screen readers read out, errors where they happened, and questions before acts.
import { h, put } from "./dom.js";
import { told } from "./words.js";

const STAYS = 7000;

/** Say something in passing. */
export function say(text, tone = "good") {
  const dialog = document.querySelector("dialog[open]"); // behind it nothing is seen or read out
  const note = h("p", { class: `note ${tone}`, role: dialog ? "alert" : null }, text);
  (dialog ?? document.getElementById("notices")).append(note);
  setTimeout(() => note.remove(), STAYS);
}

/** Do something; where it fails, say so. Gives whether it went well. */
export async function attempt(work) {
  try {
    await work();
    return true;
  } catch (error) {
    if (error.name !== "AbortError") say(told(error), "bad");
    return false;
  }
}

/** A note that something went wrong. again: what tries once more. */
export function wrong(error, again) {
  const button = again ? h("button", { type: "button", on: { click: again } }, "Try again") : null;
  return h("div", { class: "note bad", role: "alert" }, h("p", {}, told(error)), button);
}

/** Put other content into a place. Whoever stood at a control of the old one stands at that of the new one, by its name or
 * else its place: without that the keyboard begins anew after every act, and whenever something new is shown. */
export function renew(place, ...content) {
  const here = document.activeElement;
  const at = place.contains(here) ? controls(place).indexOf(here) : -1;
  put(place, ...content);
  if (at < 0) return;
  const now = controls(place);
  (now.find((each) => named(each) !== "" && named(each) === named(here)) ?? now[Math.min(at, now.length - 1)])?.focus();
}

const named = (control) => control.ariaLabel || control.textContent.trim();

/** Load and show: an error stands where the content would. */
export async function filled(place, work) {
  try {
    renew(place, await work());
  } catch (error) {
    if (error.name !== "AbortError") put(place, wrong(error, () => filled(place, work)));
  }
}

function controls(place) {
  return [...place.querySelectorAll("a[href], button, input, select, summary, textarea")];
}

/** A window in front. build: gets what closes it, gives its content. Resolves with what it was closed with. */
export function ask(title, build) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { "aria-label": title, on: { close: () => { dialog.remove(); resolve(); } } });
    const close = (value) => {
      resolve(value);
      dialog.close();
      dialog.remove(); // at once: a key may stand in it
    };
    put(dialog, h("div", { class: "stack" }, h("h2", {}, title), build(close, dialog)));
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Whether a person really wants that. act: the words on the button. */
export function sure(title, text, act) {
  return ask(title, (close) => [
    h("p", {}, text),
    h("div", { class: "row" },
      h("button", { class: "bad", type: "button", on: { click: () => close(true) } }, act),
      h("button", { type: "button", autofocus: true, on: { click: () => close(false) } }, "Cancel")),
  ]);
}
