// Is it working now: one sentence, what is wrong, and a strip of providers and services.
import { h } from "../dom.js";
import { many, unix } from "../format.js";
import { badge, countdown, time } from "../parts.js";
import { program as howProgram, sentences, state } from "../words.js";

const TOLD = ["cooling", "no_service"]; // by the strip itself

/** Providers with what rests of them in part: models or classes of models, while the account as a whole serves. */
export function withParts(providers, accounts) {
  return providers.map((each) => {
    const parts = [
      ...accounts.filter((one) => one.provider === each.id).flatMap((one) => one.resting
        .map((rest) => ({ name: `${rest.name} (${one.account})`, reason: rest.reason, until: unix(rest.until) }))),
      ...each.circuits.map((rest) => ({ name: rest.model, reason: rest.reason || "it failed again and again", until: rest.retry_at })),
    ];
    return { ...each, parts, state: judged(each, parts) };
  });
}

/** Accounts that are ready prove little where every try of late failed. */
function judged(each, parts) {
  if (each.state === "ok" && each.tries > 0 && each.failed === each.tries) return "failing";
  return each.state === "ok" && parts.length > 0 ? "partly" : each.state;
}

/** One sentence for everything. */
export function summary({ providers, open_calls: open, version }) {
  const on = providers.filter((each) => each.state !== "off");
  const well = on.filter((each) => each.state === "ok");
  const down = on.filter((each) => ["down", "failing"].includes(each.state));
  const calls = open === 0 ? "no call is running" : `${many(open, "call")} ${open === 1 ? "is" : "are"} running`;
  const rest = `Version ${version}, ${calls}.`;
  if (on.length === 0) return `It runs, and waits for its first account. ${rest}`;
  if (well.length === on.length) return `It works: ${on.length === 1 ? "the provider serves" : `all ${on.length} providers serve`}. ${rest}`;
  if (down.length === on.length) return `No provider answers now. ${rest}`;
  return `It works in part: ${well.length} of ${many(on.length, "provider")} ${well.length === 1 ? "serves" : "serve"} in full. ${rest}`;
}

/** The strip. there: the services that are connected, as [{name, what, ready, cause, busy, capacity}], and the programs
 * under supervisord, with what keeps us from asking for them. startAnew: starts one of them; null where one may not. */
export function health({ providers, causes, missing }, { services, programs, trouble }, startAnew) {
  const nobody = services.length === 0 && missing.every((each) => !each.wanted) && providers.every((each) => each.accounts === 0);
  const told = new Set(missing.filter((each) => each.wanted).map((each) => each.program));
  const ill = programs.filter((each) => each.wrong !== "" && each.state !== "stopped" && !told.has(each.name));
  const well = programs.filter((each) => ["running", "starting"].includes(each.state)).map((each) => each.name);
  const button = (name) => startAnew && h("button", { type: "button", "aria-label": `Start ${name} anew`, on: { click: () => startAnew(name) } }, "Start it anew");
  return [
    h("header", {}, h("h2", {}, "Is it working?"), h("a", { href: "#/accounts" }, "Accounts")),
    h("ul", { class: "strip" },
      providers.filter((each) => each.accounts > 0 || !missing.some((one) => one.wanted && one.service === each.id)).map(provider),
      services.map(service),
      missing.map((each) => absent(each, programs.find((one) => one.name === each.program), button)),
      ill.map((each) => program(each, button))),
    well.length > 0 ? h("small", {}, `Programs under supervisord that run: ${well.join(", ")}.`) : null,
    programs.filter((each) => each.healed.length > 0).map((each) => h("p", {}, h("small", {}, `${each.name} was started anew ${times(each.healed.length)} within a day, the last time `, time(each.healed.at(-1).at), `: ${why(each.healed.at(-1))}`))),
    trouble ? h("p", { class: "note warn" }, `How the programs beside the router are is not known: ${trouble}`) : null,
    nobody
      ? h("p", { class: "note warn" }, "No provider has an account yet; only the demo models answer. ", h("a", { href: "#/accounts" }, "Add an API key or sign in to one"), "; then ", h("a", { href: "#/keys" }, "make a key"), " for each program, which tells how to point the program here.")
      : null,
    causes.filter((each) => !TOLD.includes(each.cause) && !(nobody && each.cause === "accounts")).map((each) => h("p", { class: `note ${each.blocking ? "bad" : "warn"}` }, each.text)),
  ];
}

function provider(each) {
  const words = each.accounts === 0 ? "" : `${each.ready} of ${many(each.accounts, "account")} ready`;
  return h("li", { class: state(each.state)[0] },
    h("div", { class: "row" }, h("strong", {}, each.id), badge(each.state)),
    h("p", {}, words),
    each.failed > 0 ? h("p", {}, `${each.failed} of ${many(each.tries, "try", "tries")} failed in the last 15 minutes`) : null,
    each.reason ? h("p", {}, each.reason) : null,
    each.retry_at ? h("p", {}, countdown("Next try in", each.retry_at)) : null,
    each.parts.map((one) => h("p", {}, `${one.name} rests: ${one.reason}`, one.until ? [". ", countdown("Next try in", one.until)] : "")));
}

function service(each) {
  const name = each.ready ? "ready" : "down";
  const load = each.capacity ? `${each.busy} of ${each.capacity} busy` : "";
  return h("li", { class: state(name)[0] },
    h("div", { class: "row" }, h("strong", {}, each.name), badge(name)),
    h("p", {}, `${each.what}${load ? `, ${load}` : ""}`),
    each.cause ? h("p", {}, each.cause) : null);
}

/** One that is turned on and not there is down; one that was here and that nothing asks for has just gone. */
function absent(each, program, button) {
  const name = each.wanted ? "down" : "gone";
  const still = program?.wrong ? program : null;
  return h("li", { class: state(name)[0] },
    h("div", { class: "row" }, h("strong", {}, each.name || each.service), badge(name)),
    h("p", {}, `${each.name ? `${each.service}, ` : ""}not connected since `, time(each.since)),
    h("p", {}, sentences(each.cause)),
    still ? h("p", {}, sentences(`Its program: ${still.wrong}`, howProgram(still.state))) : null,
    each.remedy ? h("p", {}, each.remedy) : null,
    still && still.state !== "stopped" ? button(still.name) : null);
}

const times = (count) => (count === 1 ? "once" : `${count} times`);
const why = ({ kind, why: reason }) => sentences(kind === "ended" ? `it ended by itself: ${reason}` : `${kind}, because ${reason}`);

function program(each, button) {
  const name = each.state === "backoff" ? "trying" : "down";
  return h("li", { class: state(name)[0] },
    h("div", { class: "row" }, h("strong", {}, each.name), badge(name)),
    h("p", {}, "a program under supervisord"),
    h("p", {}, sentences(each.wrong, howProgram(each.state), `Its log: logs/${each.name}.log`)),
    button(each.name));
}
