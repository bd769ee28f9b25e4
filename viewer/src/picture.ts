// The picture of a pane as a file.

import { composeOn } from "./render/canvas";
import { coloursOf, type Shading } from "./render/scene";
import { stageOf, type Stage } from "./stage";
import { frameKey, marks, server, type Pane } from "./state";
import type { Rectangle } from "./api/types";

/** What the pane shows, for renderers; null while it shows no picture. */
export function shadingOf(pane: Pane, stage: Stage): Shading | null {
  const [shown, window] = [stage.shown.value, stage.window.value];
  if (shown.kind !== "picture" || !window) return null;
  const { picture, heatmap } = shown;
  const overlay = pane.overlay.value;
  return {
    picture,
    window,
    invert: picture.frame.invert !== pane.inverted.value,
    heat: overlay.shown && heatmap ? { values: heatmap.values, width: heatmap.info.width, height: heatmap.info.height } : null,
    overlay,
    colours: coloursOf(server.value?.colormaps ?? [], overlay.colormap),
  };
}

/** Boxes of the frame that a pane shows: those that are known to be true, and the reader's. */
export function boxesOf(pane: Pane, stage: Stage): { truth: readonly Rectangle[]; own: readonly Rectangle[] } {
  const frame = stage.frame.value;
  const series = pane.shownSeries.value;
  if (!frame || !series || series.id !== frame.series) return { truth: [], own: [] };
  return {
    truth: series.boxes.filter((box) => box.frame === frame.frame),
    own: marks.value.get(frameKey(frame.series, frame.frame))?.boxes ?? [],
  };
}

/** As in PaneView.css. */
const TRUTH_COLOUR = "#4fd18b";
const OWN_COLOUR = "#5ab4ff";

/** A PNG at the image's resolution, as shown: window, overlay and boxes. */
export async function exportPicture(pane: Pane): Promise<Blob> {
  const stage = stageOf(pane);
  const shading = shadingOf(pane, stage);
  if (!shading) throw new Error("The pane shows no picture.");
  const canvas = document.createElement("canvas");
  composeOn(canvas, shading);
  const context = canvas.getContext("2d")!;
  const line = Math.max(1, Math.round(Math.min(canvas.width, canvas.height) / 400));
  const { truth, own } = boxesOf(pane, stage);
  context.lineWidth = line;
  for (const [boxes, colour, dash] of [
    [truth, TRUTH_COLOUR, []],
    [own, OWN_COLOUR, [4 * line, 3 * line]],
  ] as const) {
    context.strokeStyle = colour;
    context.setLineDash([...dash]);
    for (const { x, y, width, height } of boxes) context.strokeRect(x, y, width, height);
  }
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("The browser made no PNG of the picture."))), "image/png"),
  );
}
