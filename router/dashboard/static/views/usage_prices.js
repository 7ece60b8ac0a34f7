// The price table: how old it is, another one in its place, and those before it.
import { manage } from "../api.js";
import { card, field, h } from "../dom.js";
import { count, many } from "../format.js";
import { attempt, filled, say, sure } from "../notice.js";
import { time } from "../parts.js";
import { table } from "../table.js";

const OLD = 180;
const LARGEST = 1024 * 1024;

/** The card. may: what whoever looks may do. */
export function prices(signal, may) {
  const place = h("div", { class: "stack" });
  const load = () => filled(place, async () => {
    const shown = await manage("GET", "prices?limit=1", undefined, { signal });
    const history = may("operator") ? (await manage("GET", "prices/history", undefined, { signal })).versions : [];
    return [told(shown), may("admin") ? upload(shown, load) : null, history.length > 0 ? before(history, shown, may, load) : null];
  });
  load();
  return card("Prices", null, place);
}

function told({ as_of, age_days, known, source, own }) {
  const whose = source === "state" ? "put in the place of the shipped one" : "shipped with this version";
  return [
    h("p", {}, `The table is of ${as_of}, ${many(age_days, "day")} old, ${whose}, with ${count(known)} prices.`,
      own ? " A table of the settings (usage.prices) lies above it." : ""),
    age_days > OLD ? h("p", { class: "note warn" }, "Providers change their prices: put a newer table in its place, or upgrade.") : null,
  ];
}

function upload({ digest }, load) {
  const file = h("input", { type: "file", accept: ".yaml,.yml,.json", required: true });
  const button = h("button", { class: "main", type: "submit" }, "Put it in force");
  const form = h("form", { class: "row end" }, field("A newer table (YAML)", file, "grow"), button);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (file.files[0].size > LARGEST) {
      say("The file is larger than 1 MiB, so it is no price table.", "bad");
      return;
    }
    button.disabled = true;
    const text = await file.files[0].text();
    await attempt(async () => {
      done(await manage("PUT", "prices", { text, digest }));
      await load();
    });
    button.disabled = false;
  });
  return form;
}

function done({ version, known, missing }) {
  say(`${count(known)} prices of ${version} are in force.`);
  if (missing.length > 0) say(`It has nothing for ${missing.join(", ")}, which are without a price now.`, "warn");
}

function before(versions, { digest }, may, load) {
  return table("Tables before it, the newest first", [
    { title: "Until", cell: (each) => time(each.at) },
    { title: "Replaced by", cell: (each) => each.by },
    { title: "What", cell: (each) => (each.size === 0 ? "the shipped table" : `${count(each.size)} bytes`) },
    { title: "Actions", cell: (each) => (may("admin") ? h("button", { type: "button", on: { click: async () => {
      if (!await sure("Go back to this table?", "Costs of calls from now on are told by it.", "Go back")) return;
      await attempt(async () => { done(await manage("POST", "prices/rollback", { id: each.id, digest })); });
      await load();
    } } }, "Go back to it") : "") },
  ], versions);
}
