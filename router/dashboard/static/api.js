// Asks the gateway. Paths are relative to this file, so that the dashboard also works below a prefix of a proxy.
const ROOT = new URL("../", import.meta.url);
const WITHIN = 30_000;
let csrf = "";

export const signedOut = new EventTarget();

/** What went wrong. status: 0 where nobody answered. more: other facts of the answer. */
export class ApiError extends Error {
  constructor(status, message, more = {}) {
    super(message);
    this.status = status;
    this.more = more;
  }
}

/** The address of a path of the gateway. */
export function address(path) {
  return new URL(path.replace(/^\//, ""), ROOT);
}

/** Take over the session's token. */
export function useToken(token) {
  csrf = token;
}

/** One question to management: `manage("GET", "overview")`. */
export function manage(method, path, body, options) {
  return ask(method, `v0/management/${path}`, body, options);
}

/** One question to any path. body: an object becomes JSON; a string is sent as it is. */
export async function ask(method, path, body, { signal, keep = false, within = WITHIN } = {}) {
  const headers = { accept: "application/json" };
  if (body !== undefined && typeof body !== "string") headers["content-type"] = "application/json";
  if (method !== "GET") headers["x-switchyard-csrf"] = csrf;
  const limits = [AbortSignal.timeout(within), ...(signal ? [signal] : [])];
  let response;
  try {
    response = await fetch(address(path), {
      method, headers, signal: AbortSignal.any(limits), cache: "no-store", credentials: "same-origin",
      body: body === undefined || typeof body === "string" ? body : JSON.stringify(body),
    });
  } catch (problem) {
    if (signal?.aborted) throw problem;
    throw new ApiError(0, problem.name === "TimeoutError" ? "The router took too long to answer." : "The router does not answer.");
  }
  const text = await response.text();
  const data = parsed(text);
  if (response.ok) return data;
  const { message, ...more } = data?.error ?? {};
  const wait = Number(response.headers.get("retry-after"));
  if (response.status === 401 && !keep) signedOut.dispatchEvent(new Event("end"));
  throw new ApiError(response.status, message ?? foreign(text, response.status), { ...more, wait });
}

/** What did not come from the router: a proxy's page is no sentence for a person. */
function foreign(text, status) {
  const words = /^\s*</.test(text) ? "" : text.slice(0, 300).trim();
  return words || `Something between this page and the router answered with status ${status}`;
}

function parsed(text) {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

/** An account's id in a path: its slash stays. */
export function inPath(id) {
  return id.split("/").map(encodeURIComponent).join("/");
}
