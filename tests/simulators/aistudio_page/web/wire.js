// The page's own call: a POST whose answer is one growing array, cut into elements as it arrives.

import { config, faults } from "/web/state.js";

/** Calls `onChunk` with each element; resolves to null, or to {status, place, words} where it failed. */
export async function generate(body, signal, onChunk) {
  const cut = elements(onChunk);
  if (faults.has("xhr")) return byXhr(body, signal, cut);
  const answer = await fetch(config.generate, {
    method: "POST", body: JSON.stringify(body), signal, headers: { "content-type": "application/json+protobuf" } });
  if (!answer.ok || answer.headers.get("x-place")) return failure(answer.status, answer.headers.get("x-place"), await answer.text());
  const reader = answer.body.getReader();
  const decoder = new TextDecoder();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return null;
    cut(decoder.decode(value, { stream: true }));
  }
}

function byXhr(body, signal, cut) {
  return new Promise((resolve, reject) => {
    const call = new XMLHttpRequest();
    let seen = 0;
    const more = () => { if (call.status === 200) { cut(call.responseText.slice(seen)); seen = call.responseText.length; } };
    call.open("POST", config.generate);
    call.setRequestHeader("content-type", "application/json+protobuf");
    call.onprogress = more;
    call.onload = () => { const place = call.getResponseHeader("x-place"); if (call.status !== 200 || place) return resolve(failure(call.status, place, call.responseText)); more(); resolve(null); };
    call.onerror = () => reject(new Error("network"));
    call.onabort = () => reject(new DOMException("stopped", "AbortError"));
    signal.addEventListener("abort", () => call.abort());
    call.send(JSON.stringify(body));
  });
}

function failure(status, place, text) {
  let words = text;
  try { words = JSON.parse(text)[1]; } catch { /* not JSON */ }
  return { status, place: place || "toast", words };
}

function elements(onChunk) {
  let buffer = "", at = 0, depth = 0, start = 0, quoted = false;
  return (more) => {
    buffer += more;
    for (; at < buffer.length; at++) {
      const character = buffer[at];
      if (quoted) {
        if (character === "\\") at++;
        else if (character === '"') quoted = false;
      } else if (character === '"') quoted = true;
      else if (character === "[") { if (depth++ === 1) start = at; }
      else if (character === "]" && --depth === 1) onChunk(JSON.parse(buffer.slice(start, at + 1)));
    }
  };
}
