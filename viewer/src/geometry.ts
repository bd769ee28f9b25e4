// Where images lie on their panes, and what is at a point: tiles, and the parts of boxes that a pointer takes hold of.

import type { Rectangle, Tile } from "./api/types";
import type { Placement } from "./state";

export interface Size {
  width: number;
  height: number;
}

export interface Point {
  x: number;
  y: number;
}

/** An image on a surface: the image point (x, y) lies at (left + x * zoom, top + y * zoom). */
export interface View {
  zoom: number;
  left: number;
  top: number;
}

const LEAST_ZOOM = 1 / 32;
const MOST_ZOOM = 64;

const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);

/** The zoom at which an image just fits. */
const fittingZoom = (image: Size, surface: Size) =>
  Math.min(surface.width / image.width, surface.height / image.height);

/** All in pixels of the surface; the corner is at whole ones, so that 1:1 is exact. */
export function viewOf(placement: Placement, image: Size, surface: Size): View {
  const fits = placement.zoom === null;
  const zoom = placement.zoom ?? fittingZoom(image, surface);
  const [centerX, centerY] = fits ? [0.5, 0.5] : [placement.centerX, placement.centerY];
  return {
    zoom,
    left: Math.round(surface.width / 2 - centerX * image.width * zoom),
    top: Math.round(surface.height / 2 - centerY * image.height * zoom),
  };
}

export const toImage = (view: View, at: Point): Point => ({
  x: (at.x - view.left) / view.zoom,
  y: (at.y - view.top) / view.zoom,
});

export const toSurface = (view: View, at: Point): Point => ({
  x: view.left + at.x * view.zoom,
  y: view.top + at.y * view.zoom,
});

/** In pixels of CSS, of which each has `ratio` pixels of the surface. */
export const scaledView = ({ zoom, left, top }: View, ratio: number): View => ({
  zoom: zoom / ratio,
  left: left / ratio,
  top: top / ratio,
});

export const within = ({ width, height }: Size, { x, y }: Point) => x >= 0 && y >= 0 && x < width && y < height;

/** The placement whose middle is an image point. */
function placed(zoom: number, middle: Point, image: Size): Placement {
  return { zoom, centerX: clamp(middle.x / image.width, 0, 1), centerY: clamp(middle.y / image.height, 0, 1) };
}

/** Magnified by `factor`; the image point under `at` stays there. */
export function zoomedAbout(view: View, factor: number, at: Point, image: Size, surface: Size): Placement {
  const zoom = clamp(view.zoom * factor, LEAST_ZOOM, MOST_ZOOM);
  const fixed = toImage(view, at);
  const middle = {
    x: fixed.x + (surface.width / 2 - at.x) / zoom,
    y: fixed.y + (surface.height / 2 - at.y) / zoom,
  };
  return placed(zoom, middle, image);
}

/** Moved by pixels of the surface. */
export function panned(view: View, right: number, down: number, image: Size, surface: Size): Placement {
  const middle = toImage(view, { x: surface.width / 2 - right, y: surface.height / 2 - down });
  return placed(view.zoom, middle, image);
}

/** The tile at an image point; of several that overlap there, the one whose middle is nearest. Null where there is none. */
export function tileAt(tiles: readonly Tile[], { x, y }: Point): number | null {
  let nearest: number | null = null;
  let least = Infinity;
  tiles.forEach(([left, top, width, height], index) => {
    if (x < left || y < top || x >= left + width || y >= top + height) return;
    const distance = (x - left - width / 2) ** 2 + (y - top - height / 2) ** 2;
    if (distance < least) [nearest, least] = [index, distance];
  });
  return nearest;
}

/** The box between two image points, within the image. */
export function boxBetween(one: Point, other: Point, image: Size): Rectangle {
  const [left, right] = [one.x, other.x].map((x) => clamp(x, 0, image.width)).sort((a, b) => a - b) as [number, number];
  const [top, bottom] = [one.y, other.y].map((y) => clamp(y, 0, image.height)).sort((a, b) => a - b) as [number, number];
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/** Moved as far as the image allows. */
function movedBox(box: Rectangle, right: number, down: number, image: Size): Rectangle {
  return {
    ...box,
    x: clamp(box.x + right, 0, Math.max(image.width - box.width, 0)),
    y: clamp(box.y + down, 0, Math.max(image.height - box.height, 0)),
  };
}

/** What of a box a pointer holds: -1 the left or upper edge, 1 the right or lower one, 0 neither; all 0: the whole box. */
export interface Grip {
  index: number;
  x: -1 | 0 | 1;
  y: -1 | 0 | 1;
}

/** The box at an image point and its part there; `reach` is how far from an edge it is still held. The last box is on top. */
export function gripAt(boxes: readonly Rectangle[], at: Point, reach: number): Grip | null {
  const edge = (value: number, start: number, length: number): -1 | 0 | 1 => {
    const [low, high] = [Math.abs(value - start), Math.abs(value - start - length)];
    if (Math.min(low, high) > reach) return 0;
    return low < high ? -1 : 1;
  };
  for (let index = boxes.length - 1; index >= 0; index--) {
    const box = boxes[index]!;
    const inside = (value: number, start: number, length: number) => value >= start - reach && value <= start + length + reach;
    if (!inside(at.x, box.x, box.width) || !inside(at.y, box.y, box.height)) continue;
    return { index, x: edge(at.x, box.x, box.width), y: edge(at.y, box.y, box.height) };
  }
  return null;
}

/** A box whose held edges followed the pointer by so much; a grip of the whole moves it. */
export function grippedBox(box: Rectangle, grip: Grip, right: number, down: number, image: Size): Rectangle {
  if (grip.x === 0 && grip.y === 0) return movedBox(box, right, down, image);
  const one = { x: box.x + (grip.x < 0 ? right : 0), y: box.y + (grip.y < 0 ? down : 0) };
  const other = { x: box.x + box.width + (grip.x > 0 ? right : 0), y: box.y + box.height + (grip.y > 0 ? down : 0) };
  return boxBetween(one, other, image);
}

/** With edges at whole pixels, at least one apart. */
export function wholeBox(box: Rectangle, image: Size): Rectangle {
  const x = clamp(Math.round(box.x), 0, image.width - 1);
  const y = clamp(Math.round(box.y), 0, image.height - 1);
  return {
    x,
    y,
    width: clamp(Math.round(box.x + box.width) - x, 1, image.width - x),
    height: clamp(Math.round(box.y + box.height) - y, 1, image.height - y),
  };
}
