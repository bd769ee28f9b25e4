// What the page shows: signals that components read, and the few ways they change. Nothing here draws.

import { computed, signal, type Signal } from "@preact/signals";
import type { HeatmapInfo, HeatmapOptions, MapEvent, Mark, Prediction, Series, ViewerState, Window } from "./api/types";

/** All that the server has; null until it has answered. */
export const server = signal<ViewerState | null>(null);

/** Of whole images, newest last. */
export const predictions = signal<ReadonlyMap<string, Prediction>>(new Map());
/** Heatmaps that the server keeps. */
export const maps = signal<ReadonlyMap<string, MapEvent>>(new Map());
export const marks = signal<ReadonlyMap<string, Mark>>(new Map());
export const marksSaved = signal(true);

export const frameKey = (series: string, frame: number) => `${series}/${frame}`;
export const predictionKey = (model: string, series: string, frame: number) => `${model}/${series}/${frame}`;

/** Options in the same order whatever order they were set in. */
const written = (options: HeatmapOptions) => JSON.stringify(Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1)));
export const mapKey = (model: string, series: string, frame: number, options: HeatmapOptions) =>
  `${predictionKey(model, series, frame)}/${written(options)}`;

/** How a picture is drawn over an image. */
export interface Overlay {
  shown: boolean;
  colormap: string;
  scale: "minmax" | "absolute";
  /** Opacity, 0 to 1. */
  alpha: number;
  /** Values below it are not drawn. */
  hideBelow: number;
}

/**
 * Where an image lies on its pane: pixels of the screen (of the device, not of CSS) to an image pixel, and the image point
 * in the middle as shares of its width and height.
 */
export interface Placement {
  /** null: the image fills the pane. */
  zoom: number | null;
  centerX: number;
  centerY: number;
}

/** One of the two places where an image is looked at. */
export class Pane {
  readonly series: Signal<string | null> = signal(null);
  readonly frame = signal(0);
  readonly model: Signal<string | null> = signal(null);
  /** What the heatmap is made with; "method" is one of them. */
  readonly options = signal<HeatmapOptions>({ method: "tiles" });
  /** null: the one that the file opens with. */
  readonly window = signal<Window | null>(null);
  /** Over what the file says. */
  readonly inverted = signal(false);
  readonly placement = signal<Placement>({ zoom: null, centerX: 0.5, centerY: 0.5 });
  readonly overlay = signal<Overlay>({ shown: true, colormap: "inferno", scale: "minmax", alpha: 0.5, hideBelow: 0 });
  /** In pixels of the image; null when it is elsewhere. */
  readonly pointer = signal<{ x: number; y: number } | null>(null);
  /** Index of the tile that is outlined. */
  readonly tile: Signal<number | null> = signal(null);

  readonly shownSeries = computed<Series | null>(
    () => server.value?.series.find((series) => series.id === this.series.value) ?? null,
  );
  readonly prediction = computed<Prediction | null>(() => {
    const [model, series] = [this.model.value, this.series.value];
    return model && series ? (predictions.value.get(predictionKey(model, series, this.frame.value)) ?? null) : null;
  });
  readonly map = computed<MapEvent | null>(() => this.mapAt(this.frame.value));
  /** Of `map`, once they were fetched. */
  readonly heatmap: Signal<{ info: HeatmapInfo; values: Float32Array } | null> = signal(null);

  /** The heatmap of another frame of the series, made with the same model and options. */
  mapAt(frame: number): MapEvent | null {
    const [model, series] = [this.model.value, this.series.value];
    return model && series ? (maps.value.get(mapKey(model, series, frame, this.options.value)) ?? null) : null;
  }
}

export const panes: readonly [Pane, Pane] = [new Pane(), new Pane()];
/** Whether the second pane is seen. */
export const comparing = signal(false);
/** Whether both panes have zoom, frame and window together. */
export const linked = signal(true);
export const activePane = signal<Pane>(panes[0]);

export interface Message {
  id: number;
  kind: "error" | "note";
  text: string;
}
export const messages = signal<readonly Message[]>([]);
