// Draws steps of time: bars or lines, with axes; the same figures stand in a table below for whoever cannot see it.
import { h, s } from "./dom.js";
import { table } from "./table.js";

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [470, 180, 52, 6, 10, 20];
const INNER = { width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM };

/** A round number at or above. */
export function ceiling(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= value * 0.999999);
}

/** steps: [{at}]. lines: [{title, tone, value(step), told(number, step)}]. kind: "bars" (stacked) or "lines". label: words for a time. */
export function chart({ title, steps, lines, kind, label, axis }) {
  const tops = steps.map((step) => kind === "bars" ? sum(lines.map((each) => each.value(step) ?? 0)) : Math.max(0, ...lines.map((each) => each.value(step) ?? 0)));
  const most = ceiling(Math.max(0, ...tops));
  const drawing = s("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title}: ${peak(steps, tops, label, axis)}` },
    grid(most, axis), times(steps, label), kind === "bars" ? bars(steps, lines, most) : lines.map((each) => path(steps, each, most)));
  return h("figure", { class: "card" },
    h("header", {}, h("h2", {}, title), h("span", {}, lines.map(legend))),
    drawing,
    h("details", {}, h("summary", {}, "As a table"), h("div", { class: "tall" }, figures(title, steps, lines, label))));
}

const sum = (numbers) => numbers.reduce((whole, each) => whole + each, 0);
const x = (at, of) => LEFT + (INNER.width * at) / of;
const y = (value, most) => TOP + INNER.height * (1 - value / most);

function peak(steps, tops, label, axis) {
  const highest = Math.max(0, ...tops);
  return highest === 0 ? "nothing in this time" : `highest ${axis(highest)} at ${label(steps[tops.indexOf(highest)].at)}`;
}

function grid(most, axis) {
  return [0, 0.5, 1].flatMap((share) => [
    s("line", { class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: y(share * most, most), y2: y(share * most, most) }),
    s("text", { x: LEFT - 6, y: y(share * most, most) + 4, "text-anchor": "end" }, axis(share * most)),
  ]);
}

function times(steps, label) {
  const every = Math.max(1, Math.ceil(steps.length / 5));
  return steps.flatMap((step, at) => (at % every === 0 && at < steps.length - every / 3 - 0.5 || at === 0)
    ? [s("text", { x: x(at, steps.length), y: HEIGHT - 5 }, label(step.at))] : []);
}

function bars(steps, lines, most) {
  const wide = Math.max(1, (INNER.width / steps.length) * 0.78);
  return steps.flatMap((step, at) => {
    let below = 0;
    return lines.map((each) => {
      const value = each.value(step) ?? 0;
      const top = y(below + value, most);
      const bar = value > 0 ? s("rect", { class: each.tone, x: x(at, steps.length), y: top, width: wide, height: y(below, most) - top },
        s("title", {}, `${each.title}: ${each.told(value, step)}`)) : null;
      below += value;
      return bar;
    });
  });
}

/** A line that breaks where nothing was measured; a lonely step is a dot. */
function path(steps, line, most) {
  let drawn = "";
  let pen = false;
  const dots = [];
  steps.forEach((step, at) => {
    const value = line.value(step);
    const known = value !== null && value !== undefined;
    if (known) {
      const [px, py] = [x(at + 0.4, steps.length).toFixed(1), y(value, most).toFixed(1)];
      drawn += `${pen ? "L" : "M"}${px} ${py}`;
      dots.push(s("circle", { class: line.tone, cx: px, cy: py, r: 2.5 }, s("title", {}, `${line.title}: ${line.told(value, step)}`)));
    }
    pen = known;
  });
  return [s("path", { class: line.tone, d: drawn || "M0 0" }), dots];
}

function legend({ title, tone }) {
  return h("span", { class: "key" }, s("svg", { viewBox: "0 0 10 10", "aria-hidden": "true" }, s("rect", { class: tone, width: 10, height: 10, rx: 2 })), title);
}

function figures(title, steps, lines, label) {
  return table(title, [
    { title: "From", cell: (step) => label(step.at) },
    ...lines.map((each) => ({ title: each.title, kind: "number", cell: (step) => {
      const value = each.value(step);
      return value === null || value === undefined ? "–" : each.told(value, step);
    } })),
  ], steps);
}
