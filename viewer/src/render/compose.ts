// The pixels of a frame as shown, computed by the processor.

import type { Frame, PixelFormat, Window } from "../api/types";
import { channels, type Samples } from "../frames";
import { isColour, windowed } from "../windowing";
import { colourIndex, heatScale, type Heat, type Shading } from "./scene";

/** Stored values of the formats that have few enough for a table: how many, and the index of 0. */
const TABLES: Partial<Record<PixelFormat, [length: number, zero: number]>> = {
  GRAY8: [256, 0],
  GRAY16: [65536, 0],
  GRAY_S16: [65536, 32768],
};

/** Gray of a stored value, 0 to 255 and not rounded. */
function shader(frame: Frame, window: Window, invert: boolean): (stored: number) => number {
  const known = TABLES[frame.format];
  if (!known) return (stored) => windowed(stored, frame, window, invert) * 255;
  const [length, zero] = known;
  const table = new Float32Array(length);
  for (let index = 0; index < length; index++) table[index] = windowed(index - zero, frame, window, invert) * 255;
  return (stored) => table[stored + zero]!;
}

const OPAQUE = 0xff000000;

/** RGBA bytes, row by row. `samples` are those of the picture. */
export function compose(shading: Shading, samples: Samples): Uint8ClampedArray<ArrayBuffer> {
  const { frame } = shading.picture;
  const pixels = frame.width * frame.height;
  const result = new Uint8ClampedArray(pixels * 4);
  const heat = shading.heat && shading.heat.width === frame.width && shading.heat.height === frame.height ? shading.heat : null;
  if (isColour(frame.format)) {
    const count = channels(frame.format);
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (let channel = 0; channel < 3; channel++) result[pixel * 4 + channel] = samples[pixel * count + channel]!;
      result[pixel * 4 + 3] = 255;
    }
    if (heat) cover(result, heat, shading, (pixel, channel) => samples[pixel * count + channel]!);
  } else {
    const shade = shader(frame, shading.window, shading.invert);
    const words = new Uint32Array(result.buffer);
    for (let pixel = 0; pixel < pixels; pixel++) words[pixel] = OPAQUE | (((shade(samples[pixel]!) + 0.5) | 0) * 0x010101);
    if (heat) cover(result, heat, shading, (pixel) => shade(samples[pixel]!));
  }
  return result;
}

/** Lays the coloured heatmap over pixels; `under` is what they were before they were rounded. */
function cover(
  result: Uint8ClampedArray,
  heat: Heat,
  { overlay, colours }: Shading,
  under: (pixel: number, channel: number) => number,
): void {
  // The library computes with 32-bit floats.
  const alpha = Math.fround(overlay.alpha);
  const hideBelow = Math.fround(overlay.hideBelow);
  // A half more, so that cutting off rounds.
  const tints = Float32Array.from(colours, (colour) => alpha * colour + 0.5);
  const rest = 1 - alpha;
  const indices = indicesOf(heat, overlay);
  const { values } = heat;
  for (let pixel = 0; pixel < values.length; pixel++) {
    if (values[pixel]! < hideBelow) continue;
    const [at, tint] = [pixel * 4, indices[pixel]! * 3];
    result[at] = (tints[tint]! + rest * under(pixel, 0)) | 0;
    result[at + 1] = (tints[tint + 1]! + rest * under(pixel, 1)) | 0;
    result[at + 2] = (tints[tint + 2]! + rest * under(pixel, 2)) | 0;
  }
}

/** Of each value, which colour it gets; kept, for a change of the window leaves them as they are. */
function indicesOf(heat: Heat, overlay: Shading["overlay"]): Uint8Array {
  const known = kept.get(heat.values);
  if (known?.scale === overlay.scale) return known.indices;
  const { low, span } = heatScale(heat, overlay);
  const indices = new Uint8Array(heat.values.length);
  if (span > 0) {
    for (let pixel = 0; pixel < indices.length; pixel++) {
      indices[pixel] = colourIndex(Math.fround(Math.fround(heat.values[pixel]! - low) / span));
    }
  }
  kept.set(heat.values, { scale: overlay.scale, indices });
  return indices;
}
const kept = new WeakMap<Float32Array, { scale: string; indices: Uint8Array }>();
