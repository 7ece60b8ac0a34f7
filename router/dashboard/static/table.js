// A table. columns: [{title, cell(row), kind}]; the first cell of a row is its heading.
import { h } from "./dom.js";

const FITS = 3; // columns that a telephone has room for; what is wider stands in blocks there

/** kind: "number" for figures, "tight" for what must not break, "roomy" for sentences. empty: words for no rows. The roles
 * say what the elements are, since a table that is shown in blocks is none for browsers. */
export function table(caption, columns, rows, empty = "Nothing yet.") {
  if (rows.length === 0) return h("p", { class: "muted" }, empty);
  const head = columns.map(({ title, kind }) => h("th", { scope: "col", class: kind, role: "columnheader" }, title));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", { class: columns.length > FITS || columns.some(({ kind }) => kind === "roomy") ? "stacks" : null, role: "table", "aria-label": caption },
      h("caption", {}, caption),
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)),
      h("tbody", { role: "rowgroup" }, rows.map((row) => line(columns, row)))));
}

/** One row, for tables that grow. */
export function line(columns, row) {
  return h("tr", { role: "row" }, columns.map(({ title, cell, kind }, at) => (at === 0
    ? h("th", { scope: "row", class: kind, role: "rowheader" }, cell(row))
    : h("td", { class: kind, role: "cell", "data-title": title }, cell(row)))));
}

/** Facts by name; those without a value are left out. */
export function facts(pairs) {
  return h("dl", { class: "facts" }, pairs
    .filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}
