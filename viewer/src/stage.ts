// What each pane shows right now, which for a moment may be the frame before the one it goes to.

import { batch, computed, effect, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import type { Frame, Window } from "./api/types";
import { frames, framesAhead, type Picture } from "./frames";
import { viewOf, type Size, type View } from "./geometry";
import { playing } from "./playback";
import { frameKey, type Pane } from "./state";

/** The canvas of a pane: pixels of the screen, and how many of them are one of CSS. */
export interface Surface extends Size {
  ratio: number;
}

export type Shown =
  | { kind: "empty" }
  | { kind: "loading" }
  | { kind: "failed"; message: string }
  /** `heatmap` is of this very picture. */
  | { kind: "picture"; picture: Picture; name: string; count: number; heatmap: Pane["heatmap"]["value"] };

/** How long the picture before stays while the next one loads, in milliseconds. */
export const LINGER = 150;

export class Stage {
  readonly surface: Signal<Surface | null> = signal(null);
  readonly shown: Signal<Shown> = signal({ kind: "empty" });
  readonly picture = computed<Picture | null>(() => {
    const shown = this.shown.value;
    return shown.kind === "picture" ? shown.picture : null;
  });
  readonly frame = computed<Frame | null>(() => this.picture.value?.frame ?? null);
  /** Where the picture lies, in pixels of the screen. */
  readonly view = computed<View | null>(() => {
    const [frame, surface] = [this.frame.value, this.surface.value];
    return frame && surface ? viewOf(this.pane.placement.value, frame, surface) : null;
  });
  /** The ends of the window that is used. */
  readonly window = computed<Window | null>(() => this.pane.window.value ?? this.frame.value?.window ?? null);
  /** Index of the box of the reader that is selected. */
  readonly selectedBox: Signal<number | null> = signal(null);

  constructor(private readonly pane: Pane) {}

  /** Fetches what the pane looks at and shows it, until the returned function is called. */
  follow(): () => void {
    const { pane } = this;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const show = (shown: Shown) => {
      clearTimeout(timer);
      timer = undefined;
      this.shown.value = shown;
    };
    const linger = () => {
      if (this.shown.peek().kind !== "picture") return show({ kind: "loading" });
      timer ??= setTimeout(() => show({ kind: "loading" }), LINGER);
    };
    const stops = [
      effect(() => {
        const series = pane.shownSeries.value;
        if (!series || series.frames === 0) return frames.want(pane, []);
        const { series: shownSeries, frame: shownFrame } = this.frame.value ?? {};
        const ahead = framesAhead(pane.frame.value, series.frames, playing.value ? 48 : 6, playing.value);
        const keys = ahead.map((frame) => frameKey(series.id, frame));
        // What is still shown must not be let go of.
        if (shownSeries !== undefined && shownFrame !== undefined) keys.splice(1, 0, frameKey(shownSeries, shownFrame));
        frames.want(pane, [...new Set(keys)]);
      }),
      effect(() => {
        const [series, frame] = [pane.shownSeries.value, pane.frame.value];
        if (!series) return show({ kind: "empty" });
        if (series.frames === 0) return show({ kind: "failed", message: series.error ?? "There is no image in it." });
        const kept = frames.get(frameKey(series.id, frame));
        if (!kept) return linger();
        if (kept.value === undefined) {
          const message = kept.failure instanceof Error ? kept.failure.message : String(kept.failure);
          return show({ kind: "failed", message });
        }
        const heatmap = pane.heatmap.value;
        const own =
          heatmap !== null &&
          heatmap.info.map === pane.map.value?.map &&
          heatmap.info.series === series.id &&
          heatmap.info.frame === frame;
        show({ kind: "picture", picture: kept.value, name: series.name, count: series.frames, heatmap: own ? heatmap : null });
      }),
    ];
    return () => {
      stops.forEach((stop) => stop());
      clearTimeout(timer);
      frames.want(pane, []);
      batch(() => {
        this.shown.value = { kind: "empty" };
        this.surface.value = null;
      });
    };
  }
}

const stages = new WeakMap<Pane, Stage>();

export function stageOf(pane: Pane): Stage {
  let stage = stages.get(pane);
  if (!stage) {
    stage = new Stage(pane);
    stages.set(pane, stage);
  }
  return stage;
}

/** The description of the frame that a pane shows; null while it shows none. */
export const currentFrame = (pane: Pane): ReadonlySignal<Frame | null> => stageOf(pane).frame;

/** Whether the picture that is seen, if any, is the one that the pane looks at: only then results may stand beside it. */
export function settled(pane: Pane): boolean {
  const frame = currentFrame(pane).value;
  return frame === null || (frame.series === pane.series.value && frame.frame === pane.frame.value);
}
