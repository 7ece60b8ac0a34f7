// When a quota window would be full at its pace. Pure.
const LENGTHS = { m: 60, h: 3600, d: 86_400, w: 604_800 };
const APART = 120;

/** Seconds that a window lasts, from a name such as "5h" or "7d_opus"; null where the name does not say. */
export function lengthOf(name) {
  const found = /^(\d+)([mhdw])(?:_|$)/.exec(name);
  return found ? Number(found[1]) * LENGTHS[found[2]] : null;
}

/** What to expect. window: {window, used, resets_at}. seen: earlier looks as [{at, used}], the oldest first.
 * Gives {full_at} for one that fills up before its reset, {left} for the share that will be left, null for no idea. */
export function forecast(window, now, seen = []) {
  const pace = ownPace(window, now) ?? seenPace(window, now, seen);
  if (pace === null || window.resets_at === null) return null;
  if (window.used >= 1) return { full_at: now };
  const at_end = window.used + pace * (window.resets_at - now);
  return at_end >= 1 ? { full_at: now + (1 - window.used) / pace } : { left: 1 - at_end };
}

function ownPace({ window, used, resets_at }, now) {
  const length = lengthOf(window);
  if (length === null || resets_at === null) return null;
  const gone = length - (resets_at - now);
  return gone < length * 0.02 ? null : used / gone;
}

function seenPace({ used }, now, seen) {
  const first = seen.find((each) => each.used <= used);
  return first && now - first.at >= APART ? (used - first.used) / (now - first.at) : null;
}
