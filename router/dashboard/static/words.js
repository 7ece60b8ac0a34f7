// Says in words what states, outcomes and errors mean, and what to do about them.

const OUTCOMES = {
  bad_request: ["The request was malformed", "Change what the message names."],
  too_long: ["The prompt is longer than the model takes", "Shorten it, or route to a model with a larger window."],
  unauthenticated: ["The client sent no valid key", "Give it a key from the screen Keys."],
  forbidden: ["The client's key may not do this", "Use a key with the scope that the message names."],
  refused: ["The provider does not let this account do that", "Check the account's plan and rights with the provider."],
  not_found: ["No provider has this model", "Look for its name on the screen Models."],
  too_large: ["The request is larger than allowed", "Send less, or raise server.limits.body_bytes."],
  conflict: ["The provider reported a conflict", "Try again."],
  unsupported_upgrade: ["The client tried a WebSocket where there is none", "Tell the client to use plain HTTP."],
  rate_limited: ["A rate limit was reached", "It recovers by itself; another account or provider would help now."],
  quota_spent: ["The plan or the credit is used up", "Wait for the reset, top up, or add another account."],
  overloaded: ["The provider has no capacity", "It recovers by itself; a second provider in the route helps."],
  unavailable: ["Nobody could serve this model", "See the accounts of its providers, and the tester on Models."],
  timeout: ["The provider kept silent for too long", "Try again; see the time-outs in the settings for slow models."],
  upstream_auth: ["The provider rejected the account's key or sign-in", "Put in a valid key, or sign in again on Accounts."],
  upstream_broken: ["The provider failed or cut its answer", "Usually passes; a second provider in the route helps."],
  cancelled: ["The client went away", "Nothing to do, unless its own time-out is too short."],
  internal: ["The gateway made a mistake", "Please report it, with the lines of the log."],
  lost: ["The router ended in the middle of this call", "See the log for why it ended."],
};

/** What an outcome means, in a few words. */
export function outcome(kind) {
  return OUTCOMES[kind]?.[0] ?? (kind === "ok" || kind === "" ? "Answered" : kind);
}

/** What to do about it. */
export function remedy(kind) {
  return OUTCOMES[kind]?.[1] ?? "";
}

/** Why a call failed, and what to do: a limit that was met before anybody was asked is the key's own. */
export function cause(call) {
  const own = call.attempts.length === 0 && ["quota_spent", "rate_limited"].includes(call.outcome) && call.reason.startsWith("The key ");
  return own ? ["A limit of the key was reached", "Raise it on the screen Keys, or wait."] : [outcome(call.outcome), remedy(call.outcome)];
}

/** Whether its caller got what it asked for. */
export function failed(call) {
  return !["", "ok", "cancelled"].includes(call.outcome);
}

const PROGRAMS = {
  backoff: "supervisord tries again by itself, with longer and longer pauses",
  fatal: "supervisord has given up after several tries",
  exited: "It ended by itself",
  stopped: "Somebody, or the settings, stopped it",
};

/** What supervisord does about a program in a state. */
export function program(name) {
  return PROGRAMS[name] ?? "";
}

const STATES = {
  ok: ["good", "works"], partly: ["warn", "works in part"], down: ["bad", "down"], gone: ["none", "gone"], trying: ["warn", "starts badly"], failing: ["bad", "fails"], off: ["none", "off"],
  ready: ["good", "ready"], cooling: ["warn", "resting"], probing: ["warn", "being tried"], expired: ["bad", "expired"],
  needs_login: ["bad", "needs sign-in"], refused: ["bad", "refused"], disabled: ["none", "disabled"],
  locked: ["bad", "locked"], damaged: ["bad", "damaged"], usable: ["good", "usable"], revoked: ["none", "revoked"],
};

const ACTIONS = {
  dropped: "dropped", clamped: "brought within limits", changed: "changed", emulated: "emulated", repaired: "repaired",
  service: "said by the service", served_by: "served by", policy: "by a policy of this gateway",
};

/** What was dropped or changed of a request, each kind in words. notes: [{action, what}]. */
export function changesIn(notes) {
  const kinds = Map.groupBy(notes ?? [], (each) => each.action);
  return [...kinds].map(([action, found]) => `${ACTIONS[action] ?? action}: ${found.map((each) => each.what).join(", ")}`);
}

/** The tone of a state, and its words. */
export function state(name) {
  return STATES[name] ?? ["none", name];
}

/** Pieces of text as sentences in one line. */
export function sentences(...pieces) {
  return pieces.filter(Boolean).map((each) => (/[.!?…:]$/.test(each.trim()) ? each.trim() : `${each.trim()}.`)).join(" ");
}

/** An error of the gateway as a sentence and advice. */
export function told(error) {
  const advice = {
    0: "Is it running? `make status` on its machine tells. This page tries again by itself.",
    401: "Sign in again.",
    413: "Send less.",
    429: error.more?.wait ? `Wait ${Math.ceil(error.more.wait)} seconds.` : "Wait a moment.",
    500: "Please report it, with the lines of the log.",
    502: "Try again in a moment.",
    504: "Try again in a moment.",
  }[error.status];
  return sentences(error.message, advice);
}
