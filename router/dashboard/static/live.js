// Server-sent events of management, and what has to be done again and again while a screen is shown.
import { address, manage } from "./api.js";

const AGAIN = 3000;

/** Follow a stream until `signal`. take: gets each event. tell: gets "live", "waiting". */
export function follow(path, signal, take, tell = () => {}) {
  let source;
  const open = () => {
    if (signal.aborted) return;
    source = new EventSource(address(`v0/management/${path}`));
    source.onopen = () => tell("live");
    source.onmessage = (event) => take(JSON.parse(event.data));
    source.onerror = () => {
      tell("waiting");
      if (source.readyState !== EventSource.CLOSED) return; // it tries again by itself
      setTimeout(() => manage("GET", "session", undefined, { signal }).then(open, open), AGAIN);
    };
  };
  open();
  signal.addEventListener("abort", () => source?.close());
}

/** Do something now and every so many milliseconds, one at a time, not while nobody looks. Gives what does it at once. */
export function repeat(signal, every, work) {
  let timer;
  let running = false;
  const round = async () => {
    clearTimeout(timer);
    if (signal.aborted || running) return;
    running = true;
    try {
      if (!document.hidden) await work();
    } finally {
      running = false;
      if (!signal.aborted) timer = setTimeout(round, every);
    }
  };
  document.addEventListener("visibilitychange", round, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  round();
  return round;
}

/** The same, called often, does its work once after a pause. */
export function soon(work, pause = 700) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, pause);
  };
}
