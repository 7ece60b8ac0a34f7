// The screens in the order of the menu, and who may see them. All of them are loaded at the start, so that a router that
// is gone is told by the screen that was asked for.
import { show as overview } from "./views/overview.js";
import { show as requests } from "./views/requests.js";
import { show as accounts } from "./views/accounts.js";
import { show as keys } from "./views/keys.js";
import { show as models } from "./views/models.js";
import { show as usage } from "./views/usage.js";
import { show as playground } from "./views/playground.js";
import { show as settings } from "./views/settings.js";
import { show as logs } from "./views/logs.js";

export const SCREENS = [
  { name: "overview", title: "Overview", need: "viewer", show: overview },
  { name: "requests", title: "Requests", need: "viewer", show: requests },
  { name: "accounts", title: "Accounts", need: "viewer", show: accounts },
  { name: "keys", title: "Keys", need: "operator", show: keys },
  { name: "models", title: "Models", need: "viewer", show: models },
  { name: "usage", title: "Usage", need: "viewer", show: usage },
  { name: "playground", title: "Playground", need: "viewer", show: playground },
  { name: "settings", title: "Settings", need: "operator", show: settings },
  { name: "logs", title: "Logs", need: "operator", show: logs },
];
