import type { Frame } from "../src/api/types";

/** A frame of 2 x 1 pixels of 8-bit gray, or what `more` says it is. */
export const exampleFrame = (more: Partial<Frame> = {}): Frame => ({
  series: "s",
  frame: 0,
  file: "a",
  file_frame: 0,
  width: 2,
  height: 1,
  format: "GRAY8",
  encoding: "stored",
  slope: 1,
  intercept: 0,
  range: [0, 255],
  window: [0, 255],
  invert: false,
  presets: [],
  ...more,
});
