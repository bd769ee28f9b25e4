// The frames of a series: slider, playback, and values over time.

import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Series } from "../api/types";
import { probability } from "../format";
import { bestFrame, frameAt, known, positionOf, valuesOf, type Values } from "../overtime";
import { playing, rate, seek, step, toggle } from "../player";
import { maps, predictions, server, type Pane } from "../state";
import { lightNow } from "../theme";
import { allFrames, allFramesName, asked } from "../work";
import { Button, Select } from "./ui";

const RATES = [1, 2, 5, 7.5, 10, 12.5, 15, 20, 24, 25, 30, 50, 60];
/** Around the curves, in pixels of CSS, so that the ends can be seen and hit. */
const MARGIN = 8;

interface Strip {
  image: Values;
  mean: Values;
  frame: number;
  best: number | null;
  threshold: number | null;
}

function drawCurve(
  context: CanvasRenderingContext2D,
  values: Values,
  x: (frame: number) => number,
  y: (value: number) => number,
  colour: string,
): void {
  context.strokeStyle = colour;
  context.fillStyle = colour;
  context.lineWidth = 1.5;
  context.beginPath();
  let before = false;
  values.forEach((value, frame) => {
    if (value !== null) {
      if (before) context.lineTo(x(frame), y(value));
      else context.moveTo(x(frame), y(value));
    }
    before = value !== null;
  });
  context.stroke();
  // A value whose neighbours are unknown is a point.
  values.forEach((value, frame) => {
    if (value === null || values[frame - 1] != null || values[frame + 1] != null) return;
    context.beginPath();
    context.arc(x(frame), y(value), 2, 0, 2 * Math.PI);
    context.fill();
  });
}

function drawStrip(canvas: HTMLCanvasElement, { image, mean, frame, best, threshold }: Strip): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const ratio = devicePixelRatio;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  context.scale(ratio, ratio);
  const style = getComputedStyle(canvas);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const x = (at: number) => positionOf(at, width, image.length, MARGIN);
  const y = (value: number) => 6 + (1 - value) * (height - 12);

  context.strokeStyle = colour("--line");
  context.lineWidth = 1;
  for (const value of [0, 1]) {
    context.beginPath();
    context.moveTo(0, Math.round(y(value)) + 0.5);
    context.lineTo(width, Math.round(y(value)) + 0.5);
    context.stroke();
  }
  if (threshold !== null) {
    context.save();
    context.setLineDash([4, 4]);
    context.strokeStyle = colour("--muted");
    context.beginPath();
    context.moveTo(0, Math.round(y(threshold)) + 0.5);
    context.lineTo(width, Math.round(y(threshold)) + 0.5);
    context.stroke();
    context.restore();
  }
  context.strokeStyle = colour("--text");
  context.beginPath();
  context.moveTo(Math.round(x(frame)) + 0.5, 0);
  context.lineTo(Math.round(x(frame)) + 0.5, height);
  context.stroke();
  drawCurve(context, mean, x, y, colour("--curve-map"));
  drawCurve(context, image, x, y, colour("--curve-image"));
  if (best !== null) {
    const value = image[best] ?? mean[best] ?? 0;
    context.fillStyle = colour("--panel");
    context.strokeStyle = colour("--positive");
    context.lineWidth = 2;
    context.beginPath();
    context.arc(x(best), y(value), 4, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }
}

function StripView({ pane, image, mean, best }: { pane: Pane; image: Values; mean: Values; best: number | null }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const frame = pane.frame.value;
  const model = server.value?.models.find((one) => one.id === pane.model.value);
  const strip: Strip = { image, mean, frame, best, threshold: model?.threshold ?? null };
  const light = lightNow.value;
  const latest = useRef(strip);
  latest.current = strip;
  useEffect(() => {
    if (canvas.current) drawStrip(canvas.current, strip);
  }, [image, mean, best, frame, model?.threshold, light]);
  useEffect(() => {
    const element = canvas.current;
    if (!element || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(() => drawStrip(element, latest.current));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const jump = (event: PointerEvent) => {
    const element = event.currentTarget as HTMLCanvasElement;
    const { left, width } = element.getBoundingClientRect();
    seek(pane, frameAt(event.clientX - left, width, image.length, MARGIN));
  };
  const value = image[frame] ?? null;
  const meanHere = mean[frame] ?? null;
  const spoken = [
    `Frame ${frame + 1} of ${image.length}`,
    value === null ? "not classified" : `image probability ${probability(value)}`,
    meanHere === null ? "" : `mean of the map ${probability(meanHere)}`,
    best === null ? "" : `best frame ${best + 1}`,
  ];
  return (
    <canvas
      ref={canvas}
      class="strip"
      role="img"
      aria-label={`Values over time. ${spoken.filter(Boolean).join(", ")}`}
      data-testid="strip"
      data-best={best ?? ""}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture?.(event.pointerId);
        jump(event);
      }}
      onPointerMove={(event) => event.buttons & 1 && jump(event)}
    />
  );
}

export function Timeline({ pane }: { pane: Pane }) {
  const series = pane.shownSeries.value;
  return series && series.frames > 1 ? <Frames pane={pane} series={series} /> : null;
}

function Frames({ pane, series }: { pane: Pane; series: Series }) {
  const [model, options, said, heatmaps] = [pane.model.value, pane.options.value, predictions.value, maps.value];
  const { image, mean } = useMemo(
    () => valuesOf(series.frames, series.id, model, options, said, heatmaps),
    [series, model, options, said, heatmaps],
  );
  const best = bestFrame(image) ?? bestFrame(mean);
  const bestValue = best === null ? null : (image[best] ?? mean[best] ?? null);
  const [classified, mapped] = [known(image), known(mean)];
  const complete = classified === series.frames && mapped === series.frames;
  const stop = asked.value.get(allFramesName(pane));
  const rates = [...new Set([...RATES, rate.value])].sort((a, b) => a - b);
  const ofImages = bestFrame(image) !== null;
  const tiles = pane.options.value.method === "tiles";
  return (
    <section class="timeline" aria-label="Frames" data-testid="timeline">
      <div class="playback">
        <Button icon="previous" label="Frame before" shortcut="←" onClick={() => step(pane, -1)} />
        <Button
          icon={playing.value ? "pause" : "play"}
          label={playing.value ? "Pause" : "Play"}
          shortcut="Space"
          onClick={() => toggle()}
          testid="play"
        />
        <Button icon="next" label="Next frame" shortcut="→" onClick={() => step(pane, 1)} />
        <input
          class="slider"
          type="range"
          min={0}
          max={series.frames - 1}
          step={1}
          value={pane.frame.value}
          style={{ "--share": String(pane.frame.value / (series.frames - 1)) }}
          aria-label="Frame"
          aria-valuetext={`Frame ${pane.frame.value + 1} of ${series.frames}`}
          data-testid="slider"
          onInput={(event) => seek(pane, event.currentTarget.valueAsNumber)}
        />
        <output class="frame-number" data-testid="frame-number">
          {pane.frame.value + 1} / {series.frames}
        </output>
        <Select
          bare
          label="Frames per second"
          value={String(rate.value)}
          choices={rates.map((one) => ({
            value: String(one),
            name: `${Math.round(one * 10) / 10} fps`,
            title: one === series.rate ? "as the file says" : undefined,
          }))}
          set={(value) => (rate.value = Number(value))}
          testid="rate"
        />
      </div>
      <div class="strip-row">
        <StripView pane={pane} image={image} mean={mean} best={best} />
        <div class="strip-side">
          {complete ? null : stop ? (
            <Button onClick={stop} testid="all-frames-cancel">
              Cancel
            </Button>
          ) : (
            <Button
              label="Compute all frames"
              shortcut="A"
              disabled={!pane.model.value}
              onClick={() => void allFrames(pane)}
              testid="all-frames"
            >
              All frames
            </Button>
          )}
          {best !== null && (
            <Button
              class="quiet"
              title={`Go to the frame with the highest ${ofImages ? "image probability" : "mean of the map"} (G)`}
              onClick={() => seek(pane, best)}
              testid="best-frame"
            >
              Best: {best + 1} <span class="muted">({probability(bestValue)})</span>
            </Button>
          )}
        </div>
      </div>
      <div class="legend" aria-hidden="true">
        <span class="key key-image">image probability</span>
        <span class="key key-map">{tiles ? "mean of tiles" : "mean of the map"}</span>
        <span class="key key-threshold">threshold</span>
        <span class="spacer" />
        <span>
          {classified} of {series.frames} classified, {mapped} with heatmap
        </span>
      </div>
    </section>
  );
}
