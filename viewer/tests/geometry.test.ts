import { describe, expect, it } from "vitest";
import type { Tile } from "../src/api/types";
import {
  boxBetween,
  gripAt,
  grippedBox,
  panned,
  scaledView,
  tileAt,
  toImage,
  toSurface,
  viewOf,
  wholeBox,
  zoomedAbout,
} from "../src/geometry";

const image = { width: 200, height: 100 };
const surface = { width: 1000, height: 700 };
const fitting = { zoom: null, centerX: 0.1, centerY: 0.9 };

describe("views", () => {
  it("fit an image into its surface, in the middle", () => {
    expect(viewOf(fitting, image, surface)).toEqual({ zoom: 5, left: 0, top: 100 });
    expect(viewOf(fitting, image, { width: 1000, height: 200 })).toEqual({ zoom: 2, left: 300, top: 0 });
  });

  it("begin at whole pixels, so that 1:1 is exact", () => {
    const view = viewOf({ zoom: 1, centerX: 0.5, centerY: 0.5 }, { width: 201, height: 99 }, surface);
    expect(view).toEqual({ zoom: 1, left: 400, top: 301 });
  });

  it("take points to the surface and back", () => {
    const view = { zoom: 2.5, left: -30, top: 12 };
    expect(toImage(view, toSurface(view, { x: 17.5, y: 80 }))).toEqual({ x: 17.5, y: 80 });
    expect(toSurface(scaledView(view, 2), { x: 10, y: 10 })).toEqual({ x: -2.5, y: 18.5 });
  });

  it("zoom about a point, which stays", () => {
    const view = viewOf(fitting, image, surface);
    const at = { x: 333, y: 222 };
    const before = toImage(view, at);
    const after = toImage(viewOf(zoomedAbout(view, 1.7, at, image, surface), image, surface), at);
    // The corner is rounded to a pixel of the surface.
    expect(Math.abs(after.x - before.x)).toBeLessThan(0.1);
    expect(Math.abs(after.y - before.y)).toBeLessThan(0.1);
  });

  it("zoom within bounds", () => {
    const view = viewOf(fitting, image, surface);
    expect(zoomedAbout(view, 1e9, { x: 0, y: 0 }, image, surface).zoom).toBe(64);
    expect(zoomedAbout(view, 1e-9, { x: 0, y: 0 }, image, surface).zoom).toBe(1 / 32);
  });

  it("move with the pointer and keep the image in sight", () => {
    const view = viewOf(fitting, image, surface);
    expect(panned(view, 100, -50, image, surface)).toEqual({ zoom: 5, centerX: 0.4, centerY: 0.6 });
    expect(panned(view, 1e6, 0, image, surface).centerX).toBe(0);
  });
});

describe("tiles", () => {
  const tile = (x: number, y: number): Tile => [x, y, 64, 64, 0, 0, 0, 0];
  it("that overlap: the one whose middle is nearest", () => {
    const tiles = [tile(0, 0), tile(48, 0), tile(0, 48), tile(48, 48)];
    expect(tileAt(tiles, { x: 10, y: 10 })).toBe(0);
    expect(tileAt(tiles, { x: 60, y: 20 })).toBe(1);
    expect(tileAt(tiles, { x: 52, y: 20 })).toBe(0);
    expect(tileAt(tiles, { x: 111.9, y: 111.9 })).toBe(3);
    expect(tileAt(tiles, { x: 112, y: 10 })).toBeNull();
    expect(tileAt([], { x: 1, y: 1 })).toBeNull();
  });
});

describe("boxes", () => {
  const box = { x: 50, y: 20, width: 40, height: 30 };

  it("are drawn in any direction and end at the image", () => {
    expect(boxBetween({ x: 30, y: 60 }, { x: 10, y: 20 }, image)).toEqual({ x: 10, y: 20, width: 20, height: 40 });
    expect(boxBetween({ x: -5, y: 90 }, { x: 10, y: 120 }, image)).toEqual({ x: 0, y: 90, width: 10, height: 10 });
  });

  it("are held at edges and corners, the last one first", () => {
    expect(gripAt([box], { x: 70, y: 35 }, 3)).toEqual({ index: 0, x: 0, y: 0 });
    expect(gripAt([box], { x: 91, y: 35 }, 3)).toEqual({ index: 0, x: 1, y: 0 });
    expect(gripAt([box], { x: 49, y: 52 }, 3)).toEqual({ index: 0, x: -1, y: 1 });
    expect(gripAt([box, box], { x: 70, y: 35 }, 3)?.index).toBe(1);
    expect(gripAt([box], { x: 100, y: 35 }, 3)).toBeNull();
  });

  it("follow what holds them", () => {
    expect(grippedBox(box, { index: 0, x: 0, y: 0 }, 5, -3, image)).toEqual({ ...box, x: 55, y: 17 });
    expect(grippedBox(box, { index: 0, x: 0, y: 0 }, 500, -300, image)).toEqual({ ...box, x: 160, y: 0 });
    expect(grippedBox(box, { index: 0, x: 1, y: 0 }, 5, -3, image)).toEqual({ ...box, width: 45 });
    expect(grippedBox(box, { index: 0, x: -1, y: -1 }, -10, 5, image)).toEqual({ x: 40, y: 25, width: 50, height: 25 });
    // An edge that is drawn over the other one turns the box.
    expect(grippedBox(box, { index: 0, x: 1, y: 0 }, -60, 0, image)).toEqual({ ...box, x: 30, width: 20 });
  });

  it("are kept in whole pixels within the image", () => {
    expect(wholeBox({ x: 10.4, y: 3.6, width: 20.2, height: 8 }, image)).toEqual({ x: 10, y: 4, width: 21, height: 8 });
    expect(wholeBox({ x: 199.8, y: 99.9, width: 0.1, height: 0.1 }, image)).toEqual({ x: 199, y: 99, width: 1, height: 1 });
  });
});
