import { expect, test } from "vitest";
import { extent, shareAbove, standing, standingOut, stepped } from "../src/findings";
import { tile } from "./fixtures";

test("tiles stand out above the threshold, the hottest first", () => {
  const tiles = [tile(0.4), tile(0.9), tile(0.5), tile(0.7)];
  expect(standingOut(tiles, standing("tiles", 0.4))).toEqual([1, 3, 2]);
  expect(standingOut(tiles, standing("tiles", 0.95))).toEqual([]);
  expect(shareAbove({ tiles }, 0.4)).toBe(0.75);
});

test("other methods go by their values", () => {
  const tiles = [
    tile(0.9, { value: 0.1, rank: 1 }),
    tile(0.1, { value: 0.8, rank: 3 }),
    tile(0.1, { value: 0.6, rank: 5 }),
  ];
  expect(standingOut(tiles, standing("cam", 0.9))).toEqual([2, 1]);
});

test("steps go round, and begin at the hottest", () => {
  expect(stepped([4, 7, 9], null, 1)).toBe(4);
  expect(stepped([4, 7, 9], null, -1)).toBe(9);
  expect(stepped([4, 7, 9], 9, 1)).toBe(4);
  expect(stepped([4, 7, 9], 4, -1)).toBe(9);
  expect(stepped([4, 7, 9], 5, 1)).toBe(4);
  expect(stepped([], 5, 1)).toBeNull();
});

test("extents", () => {
  expect(extent(new Float32Array([0.25, 0.75, 0.5]))).toEqual([0.25, 0.75]);
});
