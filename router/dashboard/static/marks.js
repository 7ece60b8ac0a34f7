// Mistakes beside the fields that they are about, as the router names them.
import { h } from "./dom.js";
import { say } from "./notice.js";
import { sentences, told } from "./words.js";

/** Words below a field that are read out with it. */
export function hinted(made, text) {
  const control = made.querySelector("input, select, textarea");
  const hint = h("small", { id: `${control.id}-hint` }, text);
  control.setAttribute("aria-describedby", hint.id);
  made.append(hint);
  return made;
}

/** What is wrong with a field, until somebody changes it. */
export function mark(control, words) {
  clear(control);
  const id = `${control.id}-wrong`;
  const before = control.getAttribute("aria-describedby");
  control.setAttribute("aria-invalid", "true");
  control.setAttribute("aria-describedby", [id, before].filter(Boolean).join(" "));
  control.after(h("small", { id, class: "wrong", role: "alert" }, sentences(words)));
  control.addEventListener("input", () => clear(control), { once: true });
}

function clear(control) {
  const words = document.getElementById(`${control.id}-wrong`);
  if (words === null) return;
  words.remove();
  control.removeAttribute("aria-invalid");
  const rest = control.getAttribute("aria-describedby").split(" ").filter((each) => each !== words.id).join(" ");
  if (rest) control.setAttribute("aria-describedby", rest);
  else control.removeAttribute("aria-describedby");
}

/** Send what was filled in. Mistakes stand beside their fields, where the first of them gets the focus; anything else that
 * goes wrong is said at the edge. controls: by the names that the router has for them. other: for names without one.
 * Gives whether it went well. */
export async function sent(work, controls, other = null) {
  try {
    await work();
    return true;
  } catch (error) {
    const wrong = Object.entries(error.more?.fields ?? {}).map(([name, words]) => controls[name] ? [controls[name], words] : [other, `${name}: ${words}`]);
    for (const [control, words] of wrong) if (control) mark(control, words);
    const first = wrong.find(([control]) => control)?.[0];
    if (first) first.focus();
    else if (error.name !== "AbortError") say(told(error), "bad");
    return false;
  }
}
