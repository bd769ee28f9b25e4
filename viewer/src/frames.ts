// Frames of series: fetched, decoded and kept ahead of what is looked at.

import { effect } from "@preact/signals";
import { ApiError, pixels } from "./api/client";
import type { Frame, PixelFormat, Series } from "./api/types";
import { server } from "./state";
import { Store } from "./store";

export type Samples = Uint8Array | Uint16Array | Int16Array | Float32Array;

/** A frame that can be drawn: samples as its format says or, of a JPEG, what the browser decoded. */
export interface Picture {
  frame: Frame;
  samples: Samples | null;
  bitmap: ImageBitmap | null;
}

const CHANNELS: Record<PixelFormat, number> = { GRAY8: 1, GRAY16: 1, GRAY_S16: 1, GRAY_F32: 1, RGB8: 3, RGBA8: 4 };

/** Samples of a pixel. */
export const channels = (format: PixelFormat) => CHANNELS[format];

function samplesOf(frame: Frame, bytes: ArrayBuffer): Samples {
  const sample = frame.format === "GRAY_F32" ? 4 : frame.format === "GRAY16" || frame.format === "GRAY_S16" ? 2 : 1;
  const expected = frame.width * frame.height * channels(frame.format) * sample;
  if (bytes.byteLength !== expected) {
    throw new ApiError(200, "INTERNAL", `The frame came with ${bytes.byteLength} bytes instead of ${expected}.`);
  }
  switch (frame.format) {
    case "GRAY16":
      return new Uint16Array(bytes);
    case "GRAY_S16":
      return new Int16Array(bytes);
    case "GRAY_F32":
      return new Float32Array(bytes);
    default:
      return new Uint8Array(bytes);
  }
}

/** Null when the browser cannot decode it as the frame says. */
async function decoded(frame: Frame, bytes: ArrayBuffer): Promise<ImageBitmap | null> {
  const file = new Blob([bytes], { type: "image/jpeg" });
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" }).catch(() => null);
  if (bitmap && (bitmap.width !== frame.width || bitmap.height !== frame.height)) {
    bitmap.close();
    return null;
  }
  return bitmap;
}

export async function loadPicture(series: string, index: number, signal: AbortSignal): Promise<Picture> {
  let answer = await pixels(series, index, false, signal);
  if (answer.frame.encoding === "jpeg") {
    const bitmap = await decoded(answer.frame, answer.bytes);
    if (bitmap) return { frame: matched(answer.frame, series, index), samples: null, bitmap };
    answer = await pixels(series, index, true, signal);
  }
  return { frame: matched(answer.frame, series, index), samples: samplesOf(answer.frame, answer.bytes), bitmap: null };
}

function matched(frame: Frame, series: string, index: number): Frame {
  if (frame.series === series && frame.frame === index) return frame;
  throw new ApiError(200, "INTERNAL", `Frame ${index} of ${series} was asked for, ${frame.frame} of ${frame.series} came.`);
}

const MEBIBYTE = 1 << 20;

export const frames = new Store<Picture>({
  limit: 192 * MEBIBYTE,
  parallel: 3,
  load(key, signal) {
    const slash = key.lastIndexOf("/");
    return loadPicture(key.slice(0, slash), Number(key.slice(slash + 1)), signal);
  },
  // The browser holds decoded pictures with 4 bytes a pixel.
  bytes: ({ frame, samples }) => samples?.byteLength ?? frame.width * frame.height * 4,
  drop: ({ bitmap }) => bitmap?.close(),
});

/** Frames from `frame` on that are worth having, the nearest first: the following ones in playback, else both ways. */
export function framesAhead(frame: number, count: number, reach: number, forward: boolean): number[] {
  const ahead = [frame];
  for (let step = 1; step <= reach && ahead.length < count; step++) {
    if (forward) {
      ahead.push((frame + step) % count);
    } else {
      if (frame + step < count) ahead.push(frame + step);
      if (frame - step >= 0) ahead.push(frame - step);
    }
  }
  return ahead;
}

/** Series that have other files now, or none, are fetched anew. */
function forgetChangedSeries(): void {
  let before = new Map<string, string>();
  const content = (series: Series) => JSON.stringify([series.files, series.frames, series.width, series.height]);
  effect(() => {
    const now = new Map((server.value?.series ?? []).map((series) => [series.id, content(series)]));
    const changed = new Set([...before].filter(([id, old]) => now.get(id) !== old).map(([id]) => id));
    before = now;
    if (changed.size > 0) frames.forget((key) => changed.has(key.slice(0, key.lastIndexOf("/"))));
  });
}
forgetChangedSeries();

const read = new WeakMap<Picture, Samples>();

/** Samples of a picture; those of a decoded JPEG are read back, once. */
export function samplesOfPicture(picture: Picture): Samples {
  if (picture.samples) return picture.samples;
  const known = read.get(picture);
  if (known) return known;
  const { width, height, format } = picture.frame;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.drawImage(picture.bitmap!, 0, 0);
  const pixels = context.getImageData(0, 0, width, height).data;
  const count = channels(format);
  const samples = new Uint8Array(width * height * count);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < count; channel++) samples[pixel * count + channel] = pixels[pixel * 4 + channel]!;
  }
  read.set(picture, samples);
  return samples;
}
