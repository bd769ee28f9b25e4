// What renderers draw.

import type { ColormapTable, Window } from "../api/types";
import type { Picture } from "../frames";
import type { View } from "../geometry";
import type { Overlay } from "../state";

/** Values of a heatmap, one for each pixel of the image. */
export interface Heat {
  values: Float32Array;
  width: number;
  height: number;
}

/** A frame with its window and overlay, at its own resolution. */
export interface Shading {
  picture: Picture;
  window: Window;
  /** Whether low values are bright, all taken together. */
  invert: boolean;
  /** Null: nothing is laid over the image. */
  heat: Heat | null;
  overlay: Overlay;
  /** Red, green and blue of 256 colours. */
  colours: Uint8Array;
}

export interface Scene {
  /** Null: nothing but the background. */
  shading: Shading | null;
  /** At 1:1 pixels are shown as they are, at other zooms they flow into each other. */
  view: View;
}

/** Draws on one canvas. */
export interface Renderer {
  readonly kind: "webgl" | "canvas";
  /** Draws all anew on a surface of this size; false when the image is too large for it. */
  draw(scene: Scene, width: number, height: number): boolean;
  dispose(): void;
}

/** The map's value that gets the lowest colour, and the distance to the one that gets the highest; 0: all get the lowest. */
export function heatScale(heat: Heat, overlay: Pick<Overlay, "scale">): { low: number; span: number } {
  if (overlay.scale === "absolute") return { low: 0, span: 1 };
  let ends = extremes.get(heat.values);
  if (!ends) {
    let [low, high] = [Infinity, -Infinity];
    for (const value of heat.values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    ends = { low, span: high > low ? Math.fround(high - low) : 0 };
    extremes.set(heat.values, ends);
  }
  return ends;
}
const extremes = new WeakMap<Float32Array, { low: number; span: number }>();

/** Which of 256 colours a value of 0 to 1 gets; values outside get the nearest end. */
export const colourIndex = (value: number) => Math.floor(Math.min(Math.max(value * 256, 0), 255));

/** The colours of a table as bytes; those of the gray scale where there is no such table. */
export function coloursOf(tables: readonly ColormapTable[], word: string): Uint8Array {
  const table = tables.find((table) => table.word === word);
  if (!table) return GRAYS;
  let colours = bytes.get(table);
  if (!colours) {
    colours = Uint8Array.from({ length: 256 * 3 }, (_, index) => parseInt(table.colours.slice(index * 2, index * 2 + 2), 16));
    bytes.set(table, colours);
  }
  return colours;
}
const bytes = new WeakMap<ColormapTable, Uint8Array>();
const GRAYS = Uint8Array.from({ length: 256 * 3 }, (_, index) => Math.floor(index / 3));

/** Whether two shadings give the same pixels. */
export function sameShading(one: Shading | null, other: Shading): boolean {
  return (
    one !== null &&
    one.picture === other.picture &&
    one.window[0] === other.window[0] &&
    one.window[1] === other.window[1] &&
    one.invert === other.invert &&
    one.heat?.values === other.heat?.values &&
    one.colours === other.colours &&
    one.overlay.scale === other.overlay.scale &&
    one.overlay.alpha === other.overlay.alpha &&
    one.overlay.hideBelow === other.overlay.hideBelow
  );
}
