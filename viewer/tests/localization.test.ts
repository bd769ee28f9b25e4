import { describe, expect, it } from "vitest";
import { hits, hottestPoint, locate, tolerance } from "../src/localization";

/** The plateau of the library's own test: x 10 to 14, y 4 to 6 of 20 x 10 pixels. */
const plateau = Float32Array.from({ length: 200 }, (_, index) => {
  const [x, y] = [index % 20, Math.floor(index / 20)];
  return x >= 10 && x < 15 && y >= 4 && y < 7 ? 0.9 : 0.1;
});
const box = { x: 8, y: 1, width: 3, height: 3 };

describe("the hottest point", () => {
  it("is the middle of the hottest pixels", () => expect(hottestPoint(plateau, 20)).toEqual({ x: 12.5, y: 5.5 }));
  it("is always one of them", () => {
    expect(hottestPoint(Float32Array.of(0.9, 0.1, 0.1, 0.9, 0.9), 5)).toEqual({ x: 3.5, y: 0.5 });
  });
  it("of a constant map is its middle", () => expect(hottestPoint(new Float32Array(9), 3)).toEqual({ x: 1.5, y: 1.5 }));
});

describe("a hit", () => {
  const point = { x: 12.5, y: 5.5 };
  it("may be beside a box by as much as is tolerated", () => {
    expect(hits(point, [box], 2)).toBe(true);
    expect(hits(point, [box], 1)).toBe(false);
    expect(hits(point, [box, { x: 12, y: 5, width: 1, height: 1 }], 0)).toBe(true);
    expect(hits({ x: 11, y: 4 }, [box], 0)).toBe(true);
    expect(hits(point, [], 100)).toBe(false);
  });

  it("tolerates half a tile of the image as it was tiled", () => {
    const image = { width: 512, height: 256 };
    expect(tolerance({ method: "tiles" }, image)).toBe(32);
    expect(tolerance({ tile_size: 40, scale: 2 }, image)).toBe(10);
    expect(tolerance({ resize_width: 128, resize_height: 128 }, image)).toBeCloseTo(32 * Math.sqrt(8), 9);
  });
});

describe("locating", () => {
  const heatmap = { info: { width: 20, height: 10, options: { tile_size: 4 } }, values: plateau };
  const image = { width: 20, height: 10 };
  it("says point and hit", () => expect(locate(heatmap, image, [box])).toEqual({ point: { x: 12.5, y: 5.5 }, hit: true }));
  it("says nothing without boxes", () => expect(locate(heatmap, image, [])).toBeNull());
  it("says nothing of maps of tiles", () => expect(locate(heatmap, { width: 40, height: 20 }, [box])).toBeNull());
});
