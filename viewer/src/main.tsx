// Where the page begins.

import { effect } from "@preact/signals";
import { render } from "preact";
import "./styles/page.css";
import { App } from "./components/App";
import { onKeyDown } from "./dispatch";
import { warnWhenUnsaved } from "./marking";
import { begin } from "./session";
import { activePane } from "./state";
import { followTheme } from "./theme";
import { followVerdicts } from "./truth";
import { watch } from "./work";

followTheme();
watch();
followVerdicts();
effect(() => {
  const series = activePane.value.shownSeries.value;
  document.title = series ? `${series.name} · lesionlens` : "lesionlens";
});
addEventListener("keydown", onKeyDown);
addEventListener("beforeunload", warnWhenUnsaved);
// After a click the keys belong to the image again; whoever moves by keyboard keeps the focus.
addEventListener("click", (event) => {
  const button =
    event.detail > 0 && event.target instanceof Element ? event.target.closest<HTMLElement>("button") : null;
  if (button && !button.closest("dialog, .menu")) button.blur();
});
const place = document.getElementById("app");
if (place) render(<App />, place);
void begin();
