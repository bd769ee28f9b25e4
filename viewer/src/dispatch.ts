// What keys do, on the active pane.

import * as actions from "./actions";
import { helpOpen } from "./components/HelpDialog";
import { standing, standingOut, stepped } from "./findings";
import { holderOf, meaning, type Action } from "./keys";
import { save, setLabel } from "./marking";
import { bestFrame, valuesOf } from "./overtime";
import { playing, seek, step, toggle } from "./player";
import { activate, compare, move, nextMethod, toggleOverlay } from "./session";
import { activePane, comparing, linked, maps, panes, predictions, server, type Pane } from "./state";
import { nextTheme } from "./theme";
import { allFrames, asked, cancelAutomatic, classifyAll } from "./work";

/** Outlines the tile that comes after or before the one that is outlined, among those that stand out. */
export function stepTile(pane: Pane, by: 1 | -1): void {
  const heatmap = pane.heatmap.value;
  if (!heatmap || heatmap.info.map !== pane.map.value?.map) return;
  const { info } = heatmap;
  const indices = standingOut(info.tiles, standing(String(pane.options.value.method), info.prediction.threshold));
  pane.tile.value = stepped(indices, pane.tile.value, by);
}

/** The frame with the highest probability of the series, or the highest mean where images were not classified. */
export function bestOf(pane: Pane): number | null {
  const series = pane.shownSeries.value;
  if (!series) return null;
  const { image, mean } = valuesOf(
    series.frames,
    series.id,
    pane.model.value,
    pane.options.value,
    predictions.value,
    maps.value,
  );
  return bestFrame(image) ?? bestFrame(mean);
}

/** Says that the call is right, or that the other one is. */
export function judge(pane: Pane, right: boolean): void {
  const [series, said] = [pane.shownSeries.value, pane.prediction.value];
  if (series && said) void setLabel(series.id, said.frame, said.positive === right ? 1 : 0);
}

export function setOpacity(pane: Pane, alpha: number): void {
  pane.overlay.value = { ...pane.overlay.value, alpha: Math.min(1, Math.max(0, Math.round(alpha * 100) / 100)) };
}

/** Cancels all that runs. */
export function cancelAll(): void {
  for (const stop of asked.value.values()) stop();
  cancelAutomatic();
}

export function perform(action: Action, index = 0): void {
  const pane = activePane.value;
  const series = pane.shownSeries.value;
  const last = (series?.frames ?? 1) - 1;
  switch (action) {
    case "help":
      helpOpen.value = true;
      break;
    case "previousSeries":
      move(-1);
      break;
    case "nextSeries":
      move(1);
      break;
    case "previousFrame":
      step(pane, -1);
      break;
    case "nextFrame":
      step(pane, 1);
      break;
    case "firstFrame":
      seek(pane, 0);
      break;
    case "lastFrame":
      seek(pane, last);
      break;
    case "bestFrame": {
      const best = bestOf(pane);
      if (best !== null) seek(pane, best);
      break;
    }
    case "play":
      if (playing.value || last > 0) toggle();
      break;
    case "overlay":
      toggleOverlay(pane);
      break;
    case "method":
      nextMethod(pane);
      break;
    case "opacityDown":
      setOpacity(pane, pane.overlay.value.alpha - 0.1);
      break;
    case "opacityUp":
      setOpacity(pane, pane.overlay.value.alpha + 0.1);
      break;
    case "previousTile":
      stepTile(pane, -1);
      break;
    case "nextTile":
      stepTile(pane, 1);
      break;
    case "invert":
      actions.toggleInvert(pane);
      break;
    case "resetWindow":
      actions.resetWindow(pane);
      break;
    case "preset": {
      const preset = actions.currentFrame(pane).value?.presets[index];
      if (preset) actions.setWindow(pane, preset.window);
      break;
    }
    case "fit":
      actions.fit(pane);
      break;
    case "oneToOne":
      actions.oneToOne(pane);
      break;
    case "zoomIn":
      actions.zoomBy(pane, 1.25);
      break;
    case "zoomOut":
      actions.zoomBy(pane, 0.8);
      break;
    case "toolWindow":
      actions.tool.value = "window";
      break;
    case "toolPan":
      actions.tool.value = "pan";
      break;
    case "toolBox":
      actions.tool.value = "box";
      break;
    case "confirm":
      judge(pane, true);
      break;
    case "correct":
      judge(pane, false);
      break;
    case "unmark":
      if (series) void setLabel(series.id, pane.frame.value, null);
      break;
    case "save":
      void save();
      break;
    case "classifyAll":
      if (pane.model.value) void classifyAll(pane.model.value);
      break;
    case "allFrames":
      if (last > 0) void allFrames(pane);
      break;
    case "compare":
      compare();
      break;
    case "link":
      linked.value = !linked.value;
      break;
    case "otherPane":
      if (comparing.value) activate(pane === panes[0] ? panes[1] : panes[0]);
      break;
    case "filter":
      document.getElementById("filter")?.focus();
      break;
    case "open":
      document.getElementById("open-files")?.click();
      break;
    case "theme":
      nextTheme();
      break;
    case "cancel":
      cancelAll();
      break;
  }
}

export function onKeyDown(event: KeyboardEvent): void {
  if (event.defaultPrevented || !server.value) return;
  // A dialog or menu keeps its keys.
  if (event.target instanceof Element && event.target.closest("dialog, [role=menu]")) return;
  const found = meaning(event, holderOf(event.target));
  if (!found) return;
  event.preventDefault();
  perform(found.action, found.index);
}
