// The router's clock: countdowns go by it, also where the browser's clock is wrong.
let ahead = 0;

/** The router said what time it is, in Unix seconds. */
export function setClock(at) {
  ahead = at - Date.now() / 1000;
}

/** Unix seconds by the router's clock. */
export function now() {
  return Date.now() / 1000 + ahead;
}
