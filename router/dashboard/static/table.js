// A table. columns: [{title, cell(row), kind}]; the first cell of a row is its heading.
import { h } from "./dom.js";

/** kind: "number" for figures, "tight" for what must not break, "roomy" for sentences. empty: words for no rows. */
export function table(caption, columns, rows, empty = "Nothing yet.") {
  if (rows.length === 0) return h("p", { class: "muted" }, empty);
  const head = columns.map(({ title, kind }) => h("th", { scope: "col", class: kind }, title));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {},
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, head)),
      h("tbody", {}, rows.map((row) => line(columns, row)))));
}

/** One row, for tables that grow. */
export function line(columns, row) {
  return h("tr", {}, columns.map(({ cell, kind }, at) =>
    h(at === 0 ? "th" : "td", { scope: at === 0 ? "row" : null, class: kind }, cell(row))));
}

/** Facts by name; those without a value are left out. */
export function facts(pairs) {
  return h("dl", { class: "facts" }, pairs
    .filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}
