// Who changed what: the audit log, for admins.
import { manage } from "../api.js";
import { card, field, h, put } from "../dom.js";
import { many } from "../format.js";
import { soon } from "../live.js";
import { attempt, filled } from "../notice.js";
import { time } from "../parts.js";
import { table } from "../table.js";

const PAGE = 50;
const COLUMNS = [
  { title: "When", cell: (each) => time(each.at) },
  { title: "Who", cell: (each) => each.who },
  { title: "What", cell: (each) => h("span", { class: "mono" }, each.action) },
  { title: "Which", cell: (each) => each.which || "–" },
  { title: "Outcome", cell: (each) => each.outcome },
  { title: "Details", kind: "roomy", cell: (each) => (each.count > 1 ? `${many(each.count, "time")} ` : "") + (each.details ?? "") },
];

/** The card. */
export function changes(signal) {
  const text = h("input", { type: "search", placeholder: "key_create, an account, a name" });
  const all = h("input", { type: "checkbox" });
  const place = h("div", { class: "stack" });
  let asked = 0; // only the newest question is answered

  const load = () => {
    const turn = asked += 1;
    return filled(place, async () => {
      const told = await page("");
      return turn === asked ? listed(told, turn) : [...place.childNodes];
    });
  };
  const page = (after) => manage("GET",
    `audit?${new URLSearchParams({ limit: PAGE, text: text.value.trim(), routine: all.checked, after })}`, undefined, { signal });
  function listed(told, turn) {
    const rows = h("div", { class: "stack" });
    const entries = [];
    const draw = ({ entries: more, next }) => {
      entries.push(...more);
      put(rows, table("Changes, the newest first", COLUMNS, entries, "Nothing like that stands in the audit log."),
        next ? h("button", { type: "button", on: { click: () => attempt(async () => {
          const older = await page(next);
          if (turn === asked) draw(older);
        }) } }, "Show older ones") : null);
    };
    draw(told);
    return rows;
  }
  text.addEventListener("input", soon(load, 250));
  all.addEventListener("change", load);
  load();
  return card("Changes", h("button", { type: "button", on: { click: load } }, "Look again"),
    h("p", {}, "Who changed keys, accounts, prices and settings, here, by the management API and at the command line. The same: ", h("code", {}, "switchyard audit"), "."),
    h("form", { class: "row end", on: { submit: (event) => event.preventDefault() } }, field("Entries with", text, "grow"),
      h("label", {}, all, " also uses and renewals of accounts")), place);
}
