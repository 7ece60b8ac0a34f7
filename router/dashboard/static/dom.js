// Builds elements. Text is always a text node: nothing that comes from outside is ever read as markup.
const SVG = "http://www.w3.org/2000/svg";

/** An element. props: attributes; `on` has listeners, `false` and `null` leave an attribute out. */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same for drawings. */
export function s(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (name === "on") for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    else if (name === "value") element.value = value;
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of children) {
    if (Array.isArray(child)) add(element, child);
    else if (child instanceof Node) element.append(child);
    else if (child !== null && child !== undefined && child !== false) element.append(document.createTextNode(String(child)));
  }
}

/** Put other children into an element. */
export function put(element, ...children) {
  element.replaceChildren();
  add(element, children);
  return element;
}

/** A card with a heading. more: beside the heading. */
export function card(title, more, ...children) {
  return h("section", { class: "card", "aria-label": title }, h("header", {}, h("h2", {}, title), more ?? null), children);
}

let fields = 0;

/** A field with its label. */
export function field(label, control, kind = "") {
  control.id ||= `field-${fields += 1}`;
  return h("div", { class: `field ${kind}`.trim() }, h("label", { for: control.id }, label), control);
}

/** A choice. options: values, or pairs of value and words. */
export function choice(options, value, props = {}) {
  const made = h("select", props, options.map((each) => {
    const [name, words] = Array.isArray(each) ? each : [each, each];
    return h("option", { value: name }, words);
  }));
  made.value = value;
  return made;
}

/** Whether what is shown differs from last time: to leave focus and screen readers alone where nothing is new. */
export function changed(element, data) {
  const text = JSON.stringify(data);
  if (element.shownData === text) return false;
  element.shownData = text;
  return true;
}
