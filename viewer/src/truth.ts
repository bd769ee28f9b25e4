// Whether heatmaps point where the boxes of boxes.csv are: said of maps that were looked at.

import { computed, effect, signal } from "@preact/signals";
import { locate, type Located } from "./localization";
import { activePane, maps, mapKey, panes, server, type Pane } from "./state";

/** By map. */
const verdicts = signal<ReadonlyMap<string, boolean>>(new Map());

/** Of the pane's heatmap; null without boxes on this frame, or without heatmap. */
export function locatedIn(pane: Pane): Located | null {
  const [series, heatmap] = [pane.shownSeries.value, pane.heatmap.value];
  if (!series || !heatmap) return null;
  const { info } = heatmap;
  // The values may be those of the frame before for a moment.
  if (info.map !== pane.map.value?.map) return null;
  const boxes = series.boxes.filter((box) => box.frame === info.frame);
  return locate(heatmap, series, boxes);
}

/** Keeps what was found, for the list. */
export function followVerdicts(): () => void {
  const stops = panes.map((pane) =>
    effect(() => {
      const [located, map] = [locatedIn(pane), pane.map.value?.map];
      if (located && map !== undefined && verdicts.peek().get(map) !== located.hit) {
        verdicts.value = new Map(verdicts.peek()).set(map, located.hit);
      }
    }),
  );
  return () => stops.forEach((stop) => stop());
}

/** For the model and options of the active pane: whether one of a series' frames is hit. */
const bySeries = computed(() => {
  const [model, options] = [activePane.value.model.value, activePane.value.options.value];
  const found = new Map<string, boolean>();
  if (model === null || verdicts.value.size === 0) return found;
  for (const series of server.value?.series ?? []) {
    for (const frame of new Set(series.boxes.map((box) => box.frame))) {
      const map = maps.value.get(mapKey(model, series.id, frame, options))?.map;
      const verdict = map === undefined ? undefined : verdicts.value.get(map);
      if (verdict !== undefined) found.set(series.id, verdict || found.get(series.id) === true);
    }
  }
  return found;
});

export const verdictOf = (series: string): boolean | null => bySeries.value.get(series) ?? null;
