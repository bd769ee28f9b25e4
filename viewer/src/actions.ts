// What a reader does to a picture; linked panes go together.

import { batch, signal } from "@preact/signals";
import type { Window } from "./api/types";
import { panned, viewOf, zoomedAbout, type Point } from "./geometry";
import { together } from "./player";
import { stageOf } from "./stage";
import type { Pane, Placement } from "./state";

export { currentFrame } from "./stage";

/** What dragging does. */
export const tool = signal<"window" | "pan" | "box">("window");

function place(pane: Pane, placement: Placement): void {
  batch(() => {
    for (const one of together(pane)) one.placement.value = placement;
  });
}

/** Fills the pane with the image. */
export const fit = (pane: Pane) => place(pane, { zoom: null, centerX: 0.5, centerY: 0.5 });

/** One pixel of the screen for each of the image. */
export function oneToOne(pane: Pane): void {
  const { zoom, centerX, centerY } = pane.placement.peek();
  place(pane, zoom === null ? { zoom: 1, centerX: 0.5, centerY: 0.5 } : { zoom: 1, centerX, centerY });
}

/** Magnifies about a point of the surface; without one, about its middle. */
export function zoomBy(pane: Pane, factor: number, about?: Point): void {
  const stage = stageOf(pane);
  const [frame, surface] = [stage.frame.peek(), stage.surface.peek()];
  if (!frame || !surface) return;
  const view = viewOf(pane.placement.peek(), frame, surface);
  place(pane, zoomedAbout(view, factor, about ?? { x: surface.width / 2, y: surface.height / 2 }, frame, surface));
}

/** Moves the image by pixels of the screen. */
export function panBy(pane: Pane, right: number, down: number): void {
  const stage = stageOf(pane);
  const [frame, surface] = [stage.frame.peek(), stage.surface.peek()];
  if (!frame || !surface) return;
  place(pane, panned(viewOf(pane.placement.peek(), frame, surface), right, down, frame, surface));
}

/** The panes that a window of this pane is for: those whose images hold the same values. */
function alike(pane: Pane): Pane[] {
  const own = stageOf(pane).frame.peek();
  return together(pane).filter((one) => {
    const frame = stageOf(one).frame.peek();
    return (
      one === pane ||
      (own !== null && frame !== null && own.range[0] === frame.range[0] && own.range[1] === frame.range[1])
    );
  });
}

/** Null: the window that each file opens with. */
export function setWindow(pane: Pane, window: Window | null): void {
  batch(() => {
    for (const one of alike(pane)) one.window.value = window;
  });
}

/** As the file opens. */
export function resetWindow(pane: Pane): void {
  batch(() => {
    for (const one of together(pane)) {
      one.window.value = null;
      one.inverted.value = false;
    }
  });
}

export function toggleInvert(pane: Pane): void {
  const inverted = !pane.inverted.peek();
  batch(() => {
    for (const one of together(pane)) one.inverted.value = inverted;
  });
}
