// Values of a series over its frames, as the strip shows them.

import type { HeatmapOptions, MapEvent, Prediction } from "./api/types";
import { mapKey, predictionKey } from "./state";

/** A value for each frame; null where it is not known. */
export type Values = readonly (number | null)[];

export function valuesOf(
  frames: number,
  series: string,
  model: string | null,
  options: HeatmapOptions,
  predictions: ReadonlyMap<string, Prediction>,
  maps: ReadonlyMap<string, MapEvent>,
): { image: Values; mean: Values } {
  const image: (number | null)[] = new Array<null>(frames).fill(null);
  const mean: (number | null)[] = new Array<null>(frames).fill(null);
  if (model !== null) {
    for (let frame = 0; frame < frames; frame++) {
      image[frame] = predictions.get(predictionKey(model, series, frame))?.probability ?? null;
      mean[frame] = maps.get(mapKey(model, series, frame, options))?.mean ?? null;
    }
  }
  return { image, mean };
}

export const known = (values: Values) => values.reduce<number>((sum, value) => sum + (value === null ? 0 : 1), 0);

/** The frame with the highest value, the first of equals; null when none is known. */
export function bestFrame(values: Values): number | null {
  let best: number | null = null;
  values.forEach((value, frame) => {
    if (value !== null && (best === null || value > (values[best] ?? -Infinity))) best = frame;
  });
  return best;
}

/** The frame under `x` of a strip `width` wide, whose frames stand at equal distances from end to end. */
export function frameAt(x: number, width: number, frames: number, margin: number): number {
  if (frames <= 1 || width <= 2 * margin) return 0;
  const share = (x - margin) / (width - 2 * margin);
  return Math.min(frames - 1, Math.max(0, Math.round(share * (frames - 1))));
}

export const positionOf = (frame: number, width: number, frames: number, margin: number) =>
  frames <= 1 ? width / 2 : margin + (frame / (frames - 1)) * (width - 2 * margin);
