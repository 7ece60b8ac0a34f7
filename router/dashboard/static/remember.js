// Whether this browser had a session: without one, nobody has to be asked before the form is shown.
const NAME = "switchyard-session";

/** The cookie itself is out of a script's reach. */
export function hadSession() {
  try {
    return localStorage.getItem(NAME) !== null;
  } catch {
    return true; // a browser that keeps nothing: ask
  }
}

/** Keep it in mind, or forget it. */
export function remember(has) {
  try {
    if (has) localStorage.setItem(NAME, "1");
    else localStorage.removeItem(NAME);
  } catch { /* then it is asked for each time */ }
}
