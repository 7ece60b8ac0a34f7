// Below the editor: files that were replaced, and every setting with where it comes from.
import { field, h, put } from "../dom.js";
import { count } from "../format.js";
import { soon } from "../live.js";
import { sure } from "../notice.js";
import { time } from "../parts.js";
import { table } from "../table.js";

/** Earlier files. goBack: puts one in force. */
export function history(versions, admin, goBack) {
  return table("Files that were replaced, the newest first", [
    { title: "Replaced", cell: (each) => time(each.at) },
    { title: "By", cell: (each) => each.by },
    { title: "Bytes", kind: "number", cell: (each) => count(each.size) },
    { title: "Actions", cell: (each) => (admin ? back(each, goBack) : "") },
  ], versions, "None was replaced from here yet.");
}

function back(each, goBack) {
  const when = new Date(each.at * 1000).toLocaleString();
  return h("button", { type: "button", "aria-label": `Go back to the file of ${when}`, on: { click: async () => {
    if (await sure("Go back to this file?", `The file that was in force until ${when} is put in force again. The one of now is kept.`, "Go back")) await goBack(each.id);
  } } }, "Go back to this");
}

/** Every setting, filtered. */
export function settingsList(place, settings) {
  const search = h("input", { type: "search", placeholder: "path or value" });
  const changed = h("input", { type: "checkbox", checked: true });
  const rows = h("div");
  const draw = () => {
    const words = search.value.trim().toLowerCase();
    put(rows, table("Settings", [
      { title: "Setting", cell: (each) => each.path },
      { title: "Value", kind: "roomy", cell: (each) => h("span", { class: "mono" }, JSON.stringify(each.value)) },
      { title: "From", cell: (each) => each.origin },
    ], settings.filter((each) => (!changed.checked || each.origin !== "default") && `${each.path} ${JSON.stringify(each.value)}`.toLowerCase().includes(words)), "No setting fits."));
  };
  search.addEventListener("input", soon(draw, 150));
  changed.addEventListener("change", draw);
  put(place, h("div", { class: "row end" }, field("Search", search, "grow"), h("label", {}, changed, " only those that are set")), rows);
  draw();
}
