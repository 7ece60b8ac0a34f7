// Sets the run settings: only what differs, each read back. Part of the library.
(settings) => {
  const lib = globalThis.__switchyard;
  if (!lib || lib.apply) return;
  const WAIT = settings.wait;

  const expand = async (name, wanted) => {
    const button = lib.find(name);
    if (!button || wanted()) return;
    const group = button.parentElement?.parentElement;
    if (!group?.classList.contains("expanded")) button.click();
    await lib.until(wanted, WAIT);
  };

  const checked = (name) => {
    const node = lib.find(name);
    return node && (node.getAttribute("aria-checked") ?? node.getAttribute("aria-pressed")) === "true";
  };

  const toggle = async (name, on) => {
    const node = lib.find(name);
    if (!node) return !on ? "" : "missing";
    if (checked(name) === on) return "";
    if (node.disabled || /--disabled/.test(node.className)) return "disabled";
    node.click();
    return (await lib.until(() => checked(name) === on, WAIT)) ? "" : "not taken";
  };

  const number = async (name, value) => {
    const node = lib.find(name);
    if (!node) return "missing";
    if (Number(node.value) === value) return "";
    const most = node.max === "" ? Infinity : Number(node.max);
    const wanted = Math.min(value, most);
    lib.setValue(node, String(wanted));
    const taken = await lib.until(() => { const now = lib.find(name); return now && Number(now.value) === wanted; }, WAIT);
    await Promise.resolve();
    return !taken ? "not taken" : wanted === value ? "" : `at most ${most}`;
  };

  const editor = async (open, save, text, same) => {
    const button = lib.find(open);
    if (!button || button.disabled) return "missing";
    button.click();
    if (!(await lib.until(() => lib.find("editor") || lib.find("code_tab"), WAIT))) return "missing";
    lib.find("code_tab")?.click();
    const area = await lib.until(() => lib.find("editor"), WAIT);
    if (!area) return "missing";
    lib.setValue(area, text);
    const taken = area.value === text;
    lib.find(save)?.click();
    const closed = await lib.until(() => !lib.find("dialog"), WAIT);
    if (!closed) { lib.find("dialog_close")?.click(); await lib.until(() => !lib.find("dialog"), WAIT); }
    return taken && closed ? "" : "not taken";
  };

  const functions = async (declared) => {
    if (declared === null) return toggle("functions", false);
    const wrong = (await toggle("search", false)) || (await toggle("url_context", false)) || (await toggle("code", false)) || (await toggle("functions", true));
    return wrong || editor("functions_edit", "functions_save", declared);
  };

  const structured = async (schema) => {
    const wrong = await toggle("structured", schema !== null);
    return wrong || schema === null ? wrong : editor("structured_edit", "structured_save", schema);
  };

  const stops = async (wanted) => {
    if (!lib.find("stop_input")) return wanted.length ? "missing" : "";
    const names = () => lib.all("stop_remove").map((node) => (node.getAttribute("aria-label") || "").replace(/^Remove /, ""));
    for (const name of names().filter((each) => !wanted.includes(each))) {
      lib.all("stop_remove").find((node) => node.getAttribute("aria-label") === `Remove ${name}`)?.click();
      await lib.until(() => !names().includes(name), WAIT);
    }
    for (const name of wanted.filter((each) => !names().includes(each))) {
      const input = lib.find("stop_input");
      lib.setValue(input, name);
      input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", code: "Enter", bubbles: true, cancelable: true }));
      if (!(await lib.until(() => names().includes(name), WAIT))) return "not taken";
    }
    return names().length === wanted.length ? "" : "not taken";
  };

  const system = async (text) => {
    const open = lib.find("system_open");
    if (!open) return text ? "missing" : "";
    open.click();
    const area = await lib.until(() => lib.find("system_text"), WAIT);
    if (!area) return "missing";
    if (area.value !== text) lib.setValue(area, text);
    const taken = area.value === text;
    lib.find("panel_close")?.click();
    await lib.until(() => !lib.find("system_text"), WAIT);
    return taken ? "" : "not taken";
  };

  const level = async (name) => {
    const select = lib.find("level");
    if (!select) return name === null ? "" : "missing";
    const wanted = name ?? settings.defaults.level;
    const is = () => lib.find("level")?.textContent.trim() === wanted;
    if (is()) return "";
    select.click();
    await lib.until(() => lib.find("option"), WAIT);
    const option = lib.all("option").find((node) => node.textContent.trim() === wanted);
    if (!option) { document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true })); return name === null ? "" : "not offered"; }
    option.click();
    return (await lib.until(is, WAIT)) ? "" : "not taken";
  };

  const thinking = async (on) => {
    if (!lib.find("thinking")) return on === false ? "missing" : "";
    return toggle("thinking", on ?? true);
  };

  const budget = async (tokens) => {
    if (!lib.find("manual_budget")) return tokens === null ? "" : "missing";
    const wrong = await toggle("manual_budget", tokens !== null);
    if (wrong || tokens === null) return wrong;
    await lib.until(() => lib.find("budget"), WAIT);
    return number("budget", tokens);
  };

  const optional = async (name, value) => {
    if (value !== null) return number(name, value);
    const wrong = lib.find(name) ? await number(name, settings.defaults[name]) : "";
    return wrong.startsWith("at most") ? "" : wrong;  // the default is the model's own limit then
  };

  /** Everything at once. Resolves to what could not be set, by name, with why. */
  lib.apply = async (panel) => {
    if (!lib.find("settings")) { lib.find("settings_toggle")?.click(); await lib.until(() => lib.find("settings"), WAIT); }
    await expand("expand_tools", () => lib.find("functions") || lib.find("search"));
    await expand("expand_advanced", () => lib.find("max_tokens") || lib.find("top_p"));
    const report = {
      temperature: await optional("temperature", panel.temperature),
      thinking: await thinking(panel.thinking),
      budget: panel.thinking === false ? "" : await budget(panel.budget),
      level: await level(panel.level),
      top_p: await optional("top_p", panel.top_p),
      max_tokens: await optional("max_tokens", panel.max_tokens),
      stops: await stops(panel.stops),
    };
    if (panel.system !== null) report.system = await system(panel.system);
    if (panel.functions === null) report.functions = await functions(null);
    report.search = await toggle("search", panel.search);
    report.url_context = await toggle("url_context", panel.url_context);
    report.code = await toggle("code", panel.code);
    if (panel.functions !== null) report.functions = await functions(panel.functions);
    report.schema = await structured(panel.schema);
    return Object.fromEntries(Object.entries(report).filter(([, wrong]) => wrong));
  };

  lib.temporary = async () => {
    if (lib.find("temporary_on") || !lib.find("temporary")) return Boolean(lib.find("temporary_on"));
    lib.find("temporary").click();
    return Boolean(await lib.until(() => lib.find("temporary_on"), WAIT));
  };

  /** The model, by the page's own list. True where the page shows it afterwards. */
  lib.chooseModel = async (name, title) => {
    const plain = (text) => text.toLowerCase().replace(/[^a-z0-9]/g, "");
    const wanted = [name, title].filter(Boolean).map(plain);
    const named = (row) => [row, ...row.querySelectorAll("*")].some((node) => !node.children.length && wanted.includes(plain(node.textContent)));
    lib.find("model_opener")?.click();
    await lib.until(() => lib.find("model_row"), WAIT);
    const row = lib.all("model_row").find(named);
    row?.click();
    if (!row) lib.find("panel_close")?.click();
    return Boolean(row) && Boolean(await lib.until(() => !lib.find("model_row"), WAIT));
  };

  lib.currentModel = () => {
    let stored = "";
    try { stored = (JSON.parse(localStorage.getItem(settings.preferences) || "{}").promptModel || "").replace("models/", ""); } catch { /* odd */ }
    return { stored, shown: lib.find("model_name")?.textContent.trim() || "" };
  };

  lib.storeModel = (name) => {
    let held = {};
    try { held = JSON.parse(localStorage.getItem(settings.preferences) || "{}"); } catch { /* odd */ }
    localStorage.setItem(settings.preferences, JSON.stringify({ ...held, promptModel: "models/" + name, isAdvancedOpen: true, areToolsOpen: true }));
  };
}
