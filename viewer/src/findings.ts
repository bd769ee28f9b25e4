// What a heatmap says in words and numbers, beside its picture.

import type { HeatmapInfo, Tile } from "./api/types";

/** How much a place has to have to be listed, and how such places are called. */
export interface Standing {
  title: string;
  /** What one of them is. */
  unit: string;
  /** What the number beside it is. */
  measure: string;
  value(tile: Tile): number;
  above: number;
}

export function standing(method: string, threshold: number): Standing {
  switch (method) {
    case "cam":
      return {
        title: "Places for the positive class",
        unit: "place",
        measure: "share of the logit, through the logistic function",
        value: (tile) => tile[6],
        above: 0.5,
      };
    case "grad-cam++":
      return {
        title: "Places of most evidence",
        unit: "place",
        measure: "relative to the strongest",
        value: (tile) => tile[6],
        above: 0.5,
      };
    case "occlusion":
      return {
        title: "Parts whose absence lowers it",
        unit: "part",
        measure: "fall of the probability",
        value: (tile) => tile[6],
        above: 0.005,
      };
    default:
      return {
        title: "Tiles above threshold",
        unit: "tile",
        measure: "probability",
        value: (tile) => tile[4],
        above: threshold,
      };
  }
}

/** Indices of the tiles that stand out, the highest first. */
export function standingOut(tiles: readonly Tile[], { value, above }: Standing): number[] {
  return tiles
    .map((tile, index) => ({ index, value: value(tile), rank: tile[7] }))
    .filter((one) => one.value > above)
    .sort((a, b) => b.rank - a.rank || a.index - b.index)
    .map((one) => one.index);
}

/** The one that comes `by` places after `current` among `indices`, round and round; null when there is none. */
export function stepped(indices: readonly number[], current: number | null, by: 1 | -1): number | null {
  if (indices.length === 0) return null;
  const at = current === null ? -1 : indices.indexOf(current);
  const next = at < 0 ? (by === 1 ? 0 : indices.length - 1) : (at + by + indices.length) % indices.length;
  return indices[next] ?? null;
}

/** Share of tiles that are called positive when seen alone. */
export function shareAbove({ tiles }: Pick<HeatmapInfo, "tiles">, threshold: number): number {
  return tiles.length === 0 ? 0 : tiles.filter((tile) => tile[4] > threshold).length / tiles.length;
}

export function extent(values: Float32Array): [low: number, high: number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return values.length === 0 ? [0, 1] : [low, high];
}
