// Runs in the page before its own scripts. Finds controls by the candidates of selectors.yaml, sets values by the native
// setter and an event (typing a long prompt blocks the page for seconds), and waits by observing, never by polling.
(settings) => {
  if (globalThis.__switchyard) return;
  const { controls } = settings;
  const lib = {};

  const matches = (node, text) => text === null || node.textContent.toLowerCase().includes(text);

  lib.all = (name, root = document) => {
    for (const { css, text } of controls[name]) {
      const found = [...root.querySelectorAll(css)].filter((node) => matches(node, text));
      if (found.length) return found;
    }
    return [];
  };
  lib.find = (name, root = document) => lib.all(name, root)[0] || null;

  /** Resolves to what `holds` gives once that is truthy, or to null after `ms`. */
  lib.until = (holds, ms) => new Promise((resolve) => {
    const now = holds();
    if (now) return resolve(now);
    let timer;
    const observer = new MutationObserver(() => {
      const value = holds();
      if (value) finish(value);
    });
    const finish = (value) => { observer.disconnect(); clearTimeout(timer); resolve(value); };
    timer = setTimeout(() => finish(holds() || null), ms);
    observer.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
  });

  lib.busy = () => Boolean(lib.find("stop"));

  lib.setValue = (node, value) => {
    const type = node instanceof HTMLTextAreaElement ? HTMLTextAreaElement : HTMLInputElement;
    Object.getOwnPropertyDescriptor(type.prototype, "value").set.call(node, value);
    node.dispatchEvent(new Event("input", { bubbles: true }));
    node.dispatchEvent(new Event("change", { bubbles: true }));
  };

  const press = (node, key) => node.dispatchEvent(new KeyboardEvent("keydown", { key, code: key, bubbles: true, cancelable: true }));

  /** Take away what lies over the page: overlays, surveys, dialogs that only want to be agreed to. True when it is free. */
  lib.uncover = async (ms) => {
    lib.all("survey").forEach((node) => node.remove());
    for (let tries = 0; tries < 3 && lib.find("backdrop"); tries++) {
      const agree = lib.find("agree");
      if (agree) agree.click();
      else press(document.body, "Escape");
      await lib.until(() => !lib.find("backdrop"), ms / 3);
    }
    return !lib.find("backdrop");
  };

  lib.ready = async (ms) => {
    const required = Object.keys(controls).filter((name) => settings.required.includes(name));
    await lib.until(() => required.every((name) => lib.find(name)), ms);
    return required.filter((name) => !lib.find(name));
  };

  lib.selfcheck = () => Object.fromEntries(Object.keys(controls).map((name) => [name,
    controls[name].findIndex(({ css, text }) => [...document.querySelectorAll(css)].some((node) => matches(node, text)))]));

  /** A fresh chat: no turns, no text, no files. False where that could not be reached. */
  lib.clear = async (ms) => {
    const clean = () => !lib.find("turn") && !lib.find("upload_chip") && lib.find("prompt")?.value === "";
    if (clean()) return true;
    lib.find("new_chat")?.click();
    await lib.until(() => clean() || lib.find("discard"), ms);
    lib.find("discard")?.click();
    return Boolean(await lib.until(() => clean() && !lib.find("backdrop"), ms));
  };

  lib.prompt = async (text, ms) => {
    const area = lib.find("prompt");
    lib.setValue(area, text);
    const enabled = await lib.until(() => { const run = lib.find("run"); return run && !run.disabled; }, ms);
    return { length: area.value.length, enabled: Boolean(enabled) };
  };

  /** Press Run; true once the page has begun. */
  lib.run = async (ms) => {
    const before = lib.all("turn").length;
    lib.find("run").click();
    return Boolean(await lib.until(() => lib.busy() || lib.all("turn").length > before, ms));
  };

  /** Press Stop; true once nothing is being generated. */
  lib.stop = async (ms) => {
    lib.find("stop")?.click();
    return Boolean(await lib.until(() => !lib.busy(), ms));
  };

  /** The finished answer, with its Markdown as it was written: the edit view of the turn holds it. */
  lib.final = async (ms) => {
    const turn = lib.all("model_turn").at(-1);
    if (!turn) return null;
    const answer = lib.answer(turn);
    const thought = lib.find("thought_text", turn)?.textContent || "";
    const edit = lib.find("edit", turn);
    let text = null;
    if (edit) {
      edit.click();
      const raw = await lib.until(() => lib.find("raw_text", turn), ms);
      text = raw ? raw.value : null;
      edit.click();
      await lib.until(() => !lib.find("raw_text", turn), ms);
    }
    return { text: text ?? answer.join("\n\n"), exact: text !== null, thought, calls: lib.calls(turn), finished: lib.finished(turn) };
  };

  lib.answer = (turn) => lib.all("answer_text", turn).flatMap((part) => {
    const blocks = lib.all("answer_block", part);
    return blocks.length ? blocks.map((node) => node.textContent) : [part.textContent];
  });
  lib.calls = (turn) => lib.all("call", turn).map((card) => ({
    name: lib.find("call_name", card)?.textContent.trim() || "", arguments: lib.find("call_arguments", card)?.textContent || "{}" }));
  lib.finished = (turn) => Boolean(lib.find("run_time", turn)?.textContent);

  lib.notices = () => [
    ...lib.all("callout").map((node) => ["callout", /warning/.test(node.className) ? "warning" : "error", node.textContent]),
    ...lib.all("toast").map((node) => ["toast", /warning/.test(node.className) ? "warning" : "error", node.textContent]),
    ...lib.all("model_error").map((node) => ["model", "error", node.textContent]),
  ].map(([place, level, words]) => ({ place, level, words: words.trim().slice(0, 400) }));

  globalThis.__switchyard = lib;
}
