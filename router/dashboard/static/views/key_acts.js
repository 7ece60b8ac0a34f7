// What can be done to a key: other limits and rights, off and on, another text, the end.
import { manage } from "../api.js";
import { fields as limitFields, places } from "../budgets.js";
import { connect } from "../connect.js";
import { h } from "../dom.js";
import { ask, attempt, say, sure } from "../notice.js";
import { copyable } from "../parts.js";
import { fields as rightFields } from "../rights.js";

/** The buttons of one key. load: shows the list anew. */
export function acts(key, load) {
  const client = key.scopes.includes("client");
  return h("div", { class: "row" }, limit(key, load), client ? narrow(key, load) : null, turn(key, load), rotate(key, load), revoke(key, load));
}

/** A key that was just made, this once. made.client: it is for calls of models, which are shown. */
export function shown(made) {
  return ask(`The key “${made.name}”`, (close) => [
    h("p", { class: "note warn" }, "This is the only time that it is shown. Copy it now."),
    h("p", { class: "code mono", id: "new-key" }, made.key),
    h("div", { class: "row" }, copyable(made.key, "Copy the key"),
      h("button", { type: "button", class: "main", on: { click: () => close() } }, "I have it")),
    made.client ? h("div", { class: "stack" }, h("h3", {}, "Use it"), connect(made.key)) : null,
  ]);
}

const place = (key, more = "") => `keys/${encodeURIComponent(key.id)}${more}`;

function button(words, label, act, kind) {
  return h("button", { type: "button", class: kind, "aria-label": label, on: { click: act } }, words);
}

/** A form in front. It stays open where the router does not take what was filled in. */
function changed(key, title, lead, elements, read, done, load) {
  return ask(title, (close) => {
    const submit = async (event) => {
      event.preventDefault();
      const well = await attempt(async () => manage("PATCH", place(key), read()));
      if (!well) return;
      close();
      say(done);
      load();
    };
    return h("form", { class: "stack", on: { submit } }, h("p", {}, lead), elements,
      h("div", { class: "row" }, h("button", { class: "main", type: "submit" }, "Set"), h("button", { type: "button", on: { click: () => close() } }, "Cancel")));
  });
}

function limit(key, load) {
  return button("Limits", `Limits of ${key.name}`, () => {
    const [limits, room] = [limitFields(key.limits), places(key)];
    return changed(key, `What ${key.name} may use`, "An empty field is no limit. Days and months are those of UTC. It counts from the next call on.",
      [limits.elements, room.elements], () => ({ limits: limits.read(), ...room.read() }), `The limits of ${key.name} are set.`, load);
  });
}

function narrow(key, load) {
  return button("Rights", `Rights of ${key.name}`, () => {
    const rights = rightFields(key.rights);
    return changed(key, `What ${key.name} may do`, "An empty field limits nothing. It counts from the next call on.",
      rights.elements, () => ({ rights: rights.read() }), `The rights of ${key.name} are set.`, load);
  });
}

function turn(key, load) {
  const off = key.state === "disabled";
  return button(off ? "Enable" : "Disable", `${off ? "Enable" : "Disable"} ${key.name}`, async () => {
    await attempt(async () => {
      await manage("PATCH", place(key), { disabled: !off });
      say(off ? `The key ${key.name} counts again.` : `Calls with ${key.name} are refused until it is enabled.`);
    });
    load();
  });
}

function rotate(key, load) {
  return button("Replace", `Replace ${key.name}`, async () => {
    if (!(await sure(`Replace the key “${key.name}”?`, "The old text ends at once; name, scope, limits and rights stay.", "Replace it"))) return;
    await attempt(async () => shown({ ...(await manage("POST", place(key, "/rotate"))), client: key.scopes.includes("client") }));
    load();
  });
}

function revoke(key, load) {
  return button("Revoke", `Revoke ${key.name}`, async () => {
    const text = `Calls with ${key.name} are refused from now on. This cannot be undone.`;
    if (!(await sure(`Revoke the key “${key.name}”?`, text, "Revoke it"))) return;
    await attempt(async () => {
      await manage("DELETE", place(key));
      say(`The key ${key.name} is revoked.`);
    });
    load();
  }, "bad");
}
