// Reports what happens in the page through one numbered binding: texts, cards, notices, the end; and the page's own call
// where there is no DevTools protocol. One report is under way at a time, so that a slow reader slows us, not memory.
(settings) => {
  const lib = globalThis.__switchyard;
  if (!lib || lib.watch) return;
  let pending = [], sending = false, number = 0, watching = null, told = new Set();

  const report = (event) => { pending.push(event); if (!sending) send(); };
  const send = async () => {
    sending = true;
    while (pending.length) {
      const events = pending;
      pending = [];
      try { await globalThis[settings.binding](JSON.stringify({ n: number++, run: watching?.run ?? null, events })); } catch { /* the page is closing */ }
    }
    sending = false;
  };

  lib.ping = (word) => report({ kind: "ping", word });

  const look = () => {
    if (!watching) return;
    for (const notice of lib.notices()) {
      const key = notice.place + notice.words;
      if (!told.has(key)) { told.add(key); report({ kind: "notice", ...notice }); }
    }
    const turns = lib.all("model_turn");
    const turn = turns.length > watching.before ? turns.at(-1) : null;
    if (turn) text(turn);
    const busy = lib.busy();
    if (busy) watching.busy = true;
    else if (watching.busy && turn) end(turn);
  };

  const text = (turn) => {
    const blocks = lib.answer(turn);
    const thought = lib.find("thought_text", turn);
    const thoughts = thought ? (lib.all("answer_block", thought).map((node) => node.textContent)) : [];
    if (thought && !thoughts.length) thoughts.push(thought.textContent);
    if (!watching.grows && (blocks.some(Boolean) || thoughts.some(Boolean))) { watching.grows = true; report({ kind: "grows" }); }
    if (watching.text) { differ("thought", thoughts); differ("answer", blocks); }
  };

  /** What changed since the last report: from which block on, and those blocks. */
  const differ = (slot, blocks) => {
    const before = watching.seen[slot];
    let from = 0;
    while (from < before.length && from < blocks.length && before[from] === blocks[from]) from++;
    if (from === blocks.length && from === before.length) return;
    const last = before[from], now = blocks[from];
    if (from === before.length - 1 && from < blocks.length && now.startsWith(last)) {
      report({ kind: "text", slot, from, offset: last.length, blocks: [now.slice(last.length), ...blocks.slice(from + 1)] });
    } else report({ kind: "text", slot, from, offset: 0, blocks: blocks.slice(from) });
    watching.seen[slot] = blocks;
  };

  const end = (turn) => {
    report({ kind: "done", finished: lib.finished(turn), calls: lib.calls(turn) });
    watching = null;
  };

  /** Begin to report about the answer that comes next. text: with its text, or only that it grows. */
  lib.watch = (run, withText) => {
    told = new Set(lib.notices().map((notice) => notice.place + notice.words));
    watching = { run, text: withText, before: lib.all("model_turn").length, busy: false, grows: false, seen: { thought: [], answer: [] } };
  };
  lib.watchText = () => { if (watching) { watching.text = true; look(); } };
  lib.unwatch = () => { watching = null; };

  new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true, attributes: true,
    attributeFilter: ["type", "class", "aria-label", "disabled"] });

  if (!settings.hook) return;
  const ours = (address) => watching && String(address).includes(settings.generate);
  const wire = (more) => report({ kind: "wire", ...more });

  const fetched = globalThis.fetch;
  globalThis.fetch = async function (resource, options) {
    const mine = ours(resource?.url ?? resource);
    const answer = await fetched.call(this, resource, options);
    if (mine && answer.body) copy(answer.clone());
    return answer;
  };
  const copy = async (answer) => {
    wire({ status: answer.status });
    const reader = answer.body.getReader(), decoder = new TextDecoder();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        wire({ data: decoder.decode(value, { stream: true }) });
      }
      wire({ end: true });
    } catch { wire({ failed: true }); }
  };

  const { open } = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.open = function (method, address, ...rest) {
    this.addEventListener("loadstart", () => {
      if (!ours(address)) return;
      let seen = 0, began = false;
      const more = () => {
        if (!began && this.status) { began = true; wire({ status: this.status }); }
        const text = this.responseType === "" || this.responseType === "text" ? this.responseText : "";
        if (text.length > seen) wire({ data: text.slice(seen) });
        seen = text.length;
      };
      this.addEventListener("progress", more);
      this.addEventListener("load", () => { more(); wire({ end: true }); });
      this.addEventListener("error", () => wire({ failed: true }));
      this.addEventListener("abort", () => wire({ failed: true }));
    });
    return open.call(this, method, address, ...rest);
  };
}
