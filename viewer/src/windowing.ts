// Windows: which values of a frame become black and white, and how a drag of the mouse changes them.

import type { Frame, PixelFormat, Window } from "./api/types";

export const isColour = (format: PixelFormat) => format === "RGB8" || format === "RGBA8";

/** Whether DICOM's LINEAR function, which counts whole values, names the window. */
const counts = (format: PixelFormat) => format !== "GRAY_F32";

export interface CenterWidth {
  center: number;
  width: number;
}

/** Center and width as DICOM names them. */
export function centerWidth([low, high]: Window, format: PixelFormat): CenterWidth {
  const one = counts(format) ? 1 : 0;
  return { center: (low + high + one) / 2, width: high - low + one };
}

/** The ends of the window that DICOM names so; a width too small for the format becomes the smallest. */
export function windowOf({ center, width }: CenterWidth, format: PixelFormat): Window {
  const one = counts(format) ? 1 : 0;
  const span = Math.max(width - one, 0);
  const low = center - one / 2 - span / 2;
  return [low, low + span];
}

/** A stored gray value as 0 (black) to 1 (white). */
export function windowed(
  stored: number,
  { slope, intercept }: Pick<Frame, "slope" | "intercept">,
  [low, high]: Window,
  invert: boolean,
): number {
  const rescaled = stored * slope + intercept;
  // A window without a width is a threshold.
  const value = high > low ? Math.min(Math.max((rescaled - low) / (high - low), 0), 1) : rescaled > low ? 1 : 0;
  return invert ? 1 - value : value;
}

/** Pixels of a drag that double the width of a window. */
const DRAG_OF_A_WIDTH = 300;

/** Steps of center and width: whole numbers where the window spans many, else three digits of its width. */
const quantum = (width: number) => (width >= 50 ? 1 : 10 ** (Math.floor(Math.log10(width)) - 2));

/**
 * The window after a drag from `start` by CSS pixels: to the right widens it, downwards raises its center and so darkens
 * the picture.
 */
export function draggedWindow(
  start: Window,
  frame: Pick<Frame, "format" | "window" | "range">,
  right: number,
  down: number,
): Window {
  const { center, width } = centerWidth(start, frame.format);
  const opening = Math.max(frame.window[1] - frame.window[0], (frame.range[1] - frame.range[0]) / 4096);
  // A narrow window can be dragged wide again.
  const step = Math.max(width, opening / 25) / DRAG_OF_A_WIDTH;
  const unit = quantum(opening);
  const rounded = (value: number) => Math.round(value / unit) * unit;
  const [lowest, highest] = frame.range;
  const most = 2 * (highest - lowest) + 1;
  const least = counts(frame.format) ? 1 : unit;
  return windowOf(
    {
      center: Math.min(Math.max(rounded(center + down * step), lowest), highest + 1),
      width: Math.min(Math.max(rounded(width + right * step), least), most),
    },
    frame.format,
  );
}
