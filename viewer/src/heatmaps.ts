// The values of heatmaps: fetched when a pane comes to a frame that has one, and kept for playback.

import { effect } from "@preact/signals";
import { ApiError, mapInfo, mapValues } from "./api/client";
import type { HeatmapInfo } from "./api/types";
import { framesAhead } from "./frames";
import { playing } from "./playback";
import { maps, type Pane } from "./state";
import { Store } from "./store";

export interface Heatmap {
  info: HeatmapInfo;
  values: Float32Array;
}

async function load(map: string, signal: AbortSignal): Promise<Heatmap> {
  try {
    const [info, values] = await Promise.all([mapInfo(map, signal), mapValues(map, signal)]);
    if (info.map !== map || values.length !== info.width * info.height) {
      throw new ApiError(200, "INTERNAL", `Map ${map} came with ${values.length} values for ${info.width} x ${info.height}.`);
    }
    return { info, values };
  } catch (reason) {
    if (reason instanceof ApiError && reason.http === 404) forget(map);
    throw reason;
  }
}

/** The server keeps the latest maps only. */
function forget(map: string): void {
  maps.value = new Map([...maps.value].filter(([, event]) => event.map !== map));
}

const MEBIBYTE = 1 << 20;

export const heatmaps = new Store<Heatmap>({
  limit: 128 * MEBIBYTE,
  parallel: 2,
  load,
  bytes: ({ info, values }) => values.byteLength + info.tiles.length * 128,
});

/** Maps of the pane's next frames, as far as they are known. */
function wanted(pane: Pane): string[] {
  const series = pane.shownSeries.value;
  if (!series || series.frames === 0) return [];
  const reach = playing.value ? 24 : 2;
  return framesAhead(pane.frame.value, series.frames, reach, playing.value)
    .map((frame) => pane.mapAt(frame)?.map)
    .filter((map) => map !== undefined);
}

/** Keeps `pane.heatmap` at what `pane.map` names; null until it is there. */
export function followMap(pane: Pane): () => void {
  const stops = [
    effect(() => heatmaps.want(pane, wanted(pane))),
    effect(() => {
      const map = pane.map.value?.map;
      pane.heatmap.value = map === undefined ? null : (heatmaps.get(map)?.value ?? null);
    }),
  ];
  return () => {
    stops.forEach((stop) => stop());
    heatmaps.want(pane, []);
    pane.heatmap.value = null;
  };
}

/** What went wrong with the values of the pane's map. */
export function mapFailure(pane: Pane): string | null {
  const map = pane.map.value?.map;
  const failure = map === undefined ? undefined : heatmaps.get(map)?.failure;
  return failure === undefined ? null : failure instanceof Error ? failure.message : String(failure);
}
