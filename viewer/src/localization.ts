// Whether a heatmap's hottest point lies in or near a box, as `lesionlens localize` counts it.

import type { HeatmapOptions, Rectangle } from "./api/types";
import type { Point, Size } from "./geometry";

const centre = (index: number, width: number): Point => ({ x: (index % width) + 0.5, y: Math.floor(index / width) + 0.5 });

/** The middle of the pixel of the highest value; of several, such as those of a tile, of the one nearest to their middle. */
export function hottestPoint(values: Float32Array, width: number): Point {
  let highest = -Infinity;
  for (const value of values) if (value > highest) highest = value;
  const tied: number[] = [];
  values.forEach((value, index) => {
    if (value === highest) tied.push(index);
  });
  const middle = { x: 0, y: 0 };
  for (const index of tied) {
    const { x, y } = centre(index, width);
    middle.x += x / tied.length;
    middle.y += y / tied.length;
  }
  let nearest = centre(tied[0] ?? 0, width);
  let least = Infinity;
  for (const index of tied) {
    const point = centre(index, width);
    const distance = (point.x - middle.x) ** 2 + (point.y - middle.y) ** 2;
    if (distance < least) [nearest, least] = [point, distance];
  }
  return nearest;
}

/** Half a tile, in pixels of the image. */
export function tolerance(options: HeatmapOptions, image: Size): number {
  const number = (name: string, unset: number) => {
    const value = options[name];
    return typeof value === "number" && value > 0 ? value : unset;
  };
  const [width, height] = [number("resize_width", 0), number("resize_height", 0)];
  const scale =
    width > 0 && height > 0 ? Math.sqrt((width / image.width) * (height / image.height)) : number("scale", 1);
  return number("tile_size", 64) / 2 / scale;
}

/** Whether the point is in one of the boxes or at most `margin` beside it. */
export function hits({ x, y }: Point, boxes: readonly Rectangle[], margin: number): boolean {
  return boxes.some(
    (box) =>
      x >= box.x - margin &&
      x <= box.x + box.width + margin &&
      y >= box.y - margin &&
      y <= box.y + box.height + margin,
  );
}

export interface Located {
  /** The hottest point, in pixels of the image. */
  point: Point;
  hit: boolean;
}

/** Null without boxes, or where the map has values for tiles only. */
export function locate(
  heatmap: { info: { width: number; height: number; options: HeatmapOptions }; values: Float32Array },
  image: Size,
  boxes: readonly Rectangle[],
): Located | null {
  const { info, values } = heatmap;
  if (boxes.length === 0 || info.width !== image.width || info.height !== image.height) return null;
  const point = hottestPoint(values, info.width);
  return { point, hit: hits(point, boxes, tolerance(info.options, image)) };
}
