// What stands in the corners of a picture: which it is, how it is shown, and what is under the pointer.

import { channels, samplesOfPicture, type Picture } from "../frames";
import type { Point } from "../geometry";
import { mapFailure } from "../heatmaps";
import { playing } from "../playback";
import type { Stage } from "../stage";
import type { Pane } from "../state";
import { centerWidth, isColour } from "../windowing";

/** A number with as many digits as say something. */
export function short(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) >= 100 ? value.toFixed(1) : String(Number(value.toPrecision(4)));
}

/** The samples at a point, as people read them. */
export function sampleText(picture: Picture, { x, y }: Point): string {
  const { width, format, slope, intercept } = picture.frame;
  const samples = samplesOfPicture(picture);
  const at = (Math.floor(y) * width + Math.floor(x)) * channels(format);
  if (isColour(format)) return `R ${samples[at]} G ${samples[at + 1]} B ${samples[at + 2]}`;
  const stored = samples[at]!;
  return slope === 1 && intercept === 0 ? short(stored) : `${short(stored * slope + intercept)} (stored ${short(stored)})`;
}

function Where({ pane, stage }: { pane: Pane; stage: Stage }) {
  const shown = stage.shown.value;
  const failure = mapFailure(pane);
  const at = pane.pointer.value;
  const inside = shown.kind === "picture" && at && at.x < shown.picture.frame.width && at.y < shown.picture.frame.height;
  const heatmap = shown.kind === "picture" ? shown.heatmap : null;
  const value =
    inside && heatmap && heatmap.info.width === shown.picture.frame.width
      ? heatmap.values[Math.floor(at.y) * heatmap.info.width + Math.floor(at.x)]
      : undefined;
  return (
    <div class="picture-corner picture-lower-right">
      {failure !== null && <span class="picture-failure">The heatmap cannot be shown: {failure}</span>}
      {inside && (
        <>
          <span data-testid="hover-position">
            x {Math.floor(at.x)} y {Math.floor(at.y)}
          </span>
          {/* Reading a decoded picture back takes too long for playback. */}
          {!playing.value && <span data-testid="hover-value">{sampleText(shown.picture, at)}</span>}
          {value !== undefined && <span data-testid="hover-map">map {value.toFixed(3)}</span>}
        </>
      )}
    </div>
  );
}

export function Corners({ pane, stage }: { pane: Pane; stage: Stage }) {
  const shown = stage.shown.value;
  if (shown.kind !== "picture") return null;
  const { frame } = shown.picture;
  const { file, width, height, format } = frame;
  const [window, view, surface] = [stage.window.value, stage.view.value, stage.surface.value];
  const named = window && !isColour(format) ? centerWidth(window, format) : null;
  const inverted = frame.invert !== pane.inverted.value;
  return (
    <>
      <div class="picture-corner picture-upper-left">
        <span data-testid="corner-file">{file}</span>
        {shown.count > 1 && (
          <span data-testid="corner-frame">
            {frame.frame + 1} / {shown.count}
          </span>
        )}
      </div>
      <div class="picture-corner picture-upper-right">
        <span>
          {width} × {height}
        </span>
      </div>
      <div class="picture-corner picture-lower-left">
        {named && (
          <span data-testid="corner-window">
            C {short(named.center)} W {short(named.width)}
            {inverted ? " inverted" : ""}
          </span>
        )}
        {view && surface && (
          <span data-testid="corner-zoom">
            {Math.round(view.zoom * 100)} %{pane.placement.value.zoom === null ? " fit" : ""}
          </span>
        )}
      </div>
      <Where pane={pane} stage={stage} />
    </>
  );
}
