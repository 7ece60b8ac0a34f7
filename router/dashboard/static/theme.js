// Light, dark or as the system has it. Runs before the first paint, so that nothing flashes.
(() => {
  const KEY = "switchyard-theme";
  const THEMES = ["system", "light", "dark"];

  function read() {
    try {
      return THEMES.includes(localStorage.getItem(KEY)) ? localStorage.getItem(KEY) : "system";
    } catch {
      return "system"; // a browser that keeps nothing
    }
  }

  function apply(theme) {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }

  window.switchyardTheme = {
    current: read,
    next() {
      const theme = THEMES[(THEMES.indexOf(read()) + 1) % THEMES.length];
      try {
        localStorage.setItem(KEY, theme);
      } catch { /* it then lasts as long as the page */ }
      apply(theme);
      return theme;
    },
  };
  apply(read());
})();
