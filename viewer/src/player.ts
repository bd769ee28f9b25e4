// Frames one after the other: by hand, and at a rate.

import { batch, computed, effect } from "@preact/signals";
import { frames } from "./frames";
import { heatmaps } from "./heatmaps";
import { CineClock, playback, playing, rate } from "./playback";
import { activePane, comparing, frameKey, linked, panes, type Pane } from "./state";

export { playback, playing, rate };

/** Frames per second where the file does not say. */
const USUAL_RATE = 15;
const MOST_RATE = 60;

/** The panes that go together with one. */
export const together = (pane: Pane): readonly Pane[] => (comparing.peek() && linked.peek() ? panes : [pane]);

const count = (pane: Pane) => pane.shownSeries.peek()?.frames ?? 0;
const inSeries = (pane: Pane, frame: number) => Math.min(Math.max(Math.round(frame), 0), Math.max(count(pane) - 1, 0));

export function seek(pane: Pane, frame: number): void {
  batch(() => {
    for (const one of together(pane)) one.frame.value = inSeries(one, frame);
  });
}

export function step(pane: Pane, by: number): void {
  seek(pane, pane.frame.peek() + by);
}

/** Whether a frame can be shown at once, with its heatmap where there is one. */
function ready(pane: Pane, frame: number): boolean {
  const series = pane.shownSeries.peek();
  if (!series || series.frames === 0) return true;
  const shown = inSeries(pane, frame);
  if (!frames.peek(frameKey(series.id, shown))) return false;
  const map = pane.overlay.peek().shown ? pane.mapAt(shown) : null;
  return map === null || heatmaps.peek(map.map) !== undefined;
}

/** Shows the frame that is due at `now`; the latest of several that can be shown. */
export function tick(clock: CineClock, now: number): void {
  const pane = activePane.peek();
  const length = count(pane);
  const due = clock.due(now);
  if (due < 1) return;
  for (let ahead = due; ahead >= 1; ahead--) {
    const frame = (pane.frame.peek() + ahead) % length;
    if (!together(pane).every((one) => ready(one, frame))) continue;
    batch(() => {
      seek(pane, frame);
      const { shown, dropped } = playback.peek();
      playback.value = { shown: shown + 1, dropped: dropped + ahead - 1 };
    });
    clock.advance(ahead);
    return;
  }
  clock.wait(now);
}

export function toggle(): void {
  playing.value = !playing.peek() && count(activePane.peek()) > 1;
}

/** The rate of the file that is opened; it changes with the series only, not with what becomes known of it. */
const opened = computed(() => activePane.value.shownSeries.value?.id);
effect(() => {
  if (opened.value === undefined) return;
  rate.value = Math.min(activePane.peek().shownSeries.peek()?.rate ?? USUAL_RATE, MOST_RATE);
});

effect(() => {
  if (!playing.value) return;
  playback.value = { shown: 0, dropped: 0 };
  let clock: CineClock | null = null;
  let request = requestAnimationFrame(function frame(now: number) {
    request = requestAnimationFrame(frame);
    if (count(activePane.peek()) < 2) {
      playing.value = false;
      return;
    }
    // A page that was hidden goes on where it was.
    if (!clock || clock.rate !== rate.peek() || clock.due(now) > clock.rate) clock = new CineClock(rate.peek(), now);
    tick(clock, now);
  });
  return () => cancelAnimationFrame(request);
});
