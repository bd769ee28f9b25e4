import { describe, expect, it } from "vitest";
import type { PixelFormat, Window } from "../src/api/types";
import { centerWidth, draggedWindow, windowed, windowOf } from "../src/windowing";

// Stored value, center, width, slope, intercept, invert and what the library makes of them: PS3.3 C.11.2.1.2.1's
// ((x - (c - 0.5)) / (w - 1) + 0.5), clipped, and (x - c) / w + 0.5 for floats.
const LINEAR: [number, number, number, number, number, boolean, number][] = [
  [0, 2048, 4096, 1, 0, false, 0],
  [4095, 2048, 4096, 1, 0, false, 1],
  [50, 100.5, 101, 1, 0, false, 0],
  [100, 100.5, 101, 1, 0, false, 0.5],
  [150, 100.5, 101, 1, 0, false, 1],
  [999, 100.5, 101, 1, 0, false, 1],
  [1024, 40, 400, 1, -1024, false, 0.401002506],
  [1100, 40, 400, 1, -1024, false, 0.591478697],
  [1234, 40, 400, 1, -1024, false, 0.927318296],
  [300, -600, 1500, 1.5, -1024, false, 0.517678452],
  [17, 1800, 900, 1, 0, true, 1],
  [1800, 1800, 900, 1, 0, true, 0.499443826],
  [2100, 1800, 900, 1, 0, true, 0.165739711],
  [0, 128, 256, -1, 255, false, 1],
  [255, 128, 256, -1, 255, false, 0],
  // A window of width 1 is a threshold.
  [99, 100.5, 1, 1, 0, false, 0],
  [100, 100.5, 1, 1, 0, false, 0],
  [101, 100.5, 1, 1, 0, false, 1],
  [101, 100.5, 1, 1, 0, true, 0],
];
const FLOAT: typeof LINEAR = [
  [0.25, 0.5, 1, 1, 0, false, 0.25],
  [0.75, 0.6, 0.4, 1, 0, false, 0.875],
  [-3, 0.6, 0.4, 1, 0, false, 0],
];

describe("windows", () => {
  it.each([...LINEAR.map((row) => ["GRAY16", row] as const), ...FLOAT.map((row) => ["GRAY_F32", row] as const)])(
    "show %s %j as the library does",
    (format, [stored, center, width, slope, intercept, invert, expected]) => {
      const window = windowOf({ center, width }, format);
      expect(windowed(stored, { slope, intercept }, window, invert)).toBeCloseTo(expected, 8);
    },
  );

  it.each<[PixelFormat, Window, number, number]>([
    ["GRAY8", [0, 255], 128, 256],
    ["GRAY_S16", [-160, 240], 40.5, 401],
    ["GRAY_F32", [0.25, 0.75], 0.5, 0.5],
  ])("of %s are named as DICOM names them", (format, window, center, width) => {
    expect(centerWidth(window, format)).toEqual({ center, width });
    expect(windowOf({ center, width }, format)).toEqual(window);
  });
});

describe("dragging", () => {
  const frame = { format: "GRAY16" as const, window: [0, 999] as Window, range: [0, 4095] as Window };

  it("to the right widens, downwards raises the center", () => {
    const wider = centerWidth(draggedWindow([0, 999], frame, 30, 0), "GRAY16");
    expect(wider).toEqual({ center: 500, width: 1100 });
    const higher = centerWidth(draggedWindow([0, 999], frame, 0, 30), "GRAY16");
    expect(higher).toEqual({ center: 600, width: 1000 });
  });

  it("ends at a threshold, from where it can be widened again", () => {
    const narrow = draggedWindow([0, 999], frame, -1e6, 0);
    expect(narrow[0]).toBe(narrow[1]);
    expect(centerWidth(draggedWindow(narrow, frame, 100, 0), "GRAY16").width).toBeGreaterThan(5);
  });

  it("keeps the center in what the image can hold", () => {
    expect(centerWidth(draggedWindow([0, 999], frame, 0, 1e6), "GRAY16").center).toBe(4096);
    expect(centerWidth(draggedWindow([0, 999], frame, 0, -1e6), "GRAY16").center).toBe(0);
  });

  it("goes in small steps where values are small", () => {
    const floats = { format: "GRAY_F32" as const, window: [0, 1] as Window, range: [0, 1] as Window };
    const [low, high] = draggedWindow([0, 1], floats, 0, 3);
    expect(low).toBeCloseTo(0.01, 6);
    expect(high).toBeCloseTo(1.01, 6);
  });
});
