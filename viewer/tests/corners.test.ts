import { describe, expect, it } from "vitest";
import type { Frame, PixelFormat } from "../src/api/types";
import { sampleText } from "../src/components/Corners";
import type { Samples } from "../src/frames";

const text = (format: PixelFormat, samples: Samples, at: { x: number; y: number }, more: Partial<Frame> = {}) =>
  sampleText({ frame: { format, width: 2, height: 2, slope: 1, intercept: 0, ...more } as Frame, samples, bitmap: null }, at);

describe("the value under the pointer", () => {
  it("is that of its pixel", () => {
    const samples = Uint16Array.of(1, 2, 3, 4);
    expect(text("GRAY16", samples, { x: 0, y: 0 })).toBe("1");
    expect(text("GRAY16", samples, { x: 1.99, y: 0.99 })).toBe("2");
    expect(text("GRAY16", samples, { x: 0.5, y: 1 })).toBe("3");
  });
  it("is rescaled, with what is stored beside it", () => {
    expect(text("GRAY_S16", Int16Array.of(-20, 0, 0, 0), { x: 0, y: 0 }, { slope: 1.5, intercept: -1024 })).toBe("-1054 (stored -20)");
  });
  it("of colour is red, green and blue", () => {
    const samples = Uint8Array.from({ length: 16 }, (_, index) => index);
    expect(text("RGB8", samples, { x: 1, y: 0 })).toBe("R 3 G 4 B 5");
    expect(text("RGBA8", samples, { x: 1, y: 1 })).toBe("R 12 G 13 B 14");
  });
  it("of floats has the digits that say something", () => {
    expect(text("GRAY_F32", Float32Array.of(0.123456, 1234.567, 0, 0), { x: 0, y: 0 })).toBe("0.1235");
    expect(text("GRAY_F32", Float32Array.of(0.123456, 1234.567, 0, 0), { x: 1, y: 0 })).toBe("1234.6");
  });
});
