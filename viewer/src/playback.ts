// What playback is doing.

import { signal } from "@preact/signals";

export const playing = signal(false);
/** Frames per second. */
export const rate = signal(15);
/** Since playback began: frames that were shown, and that were left out to keep the rate. */
export const playback = signal({ shown: 0, dropped: 0 });

/** Which frame is due when: a frame is never shown later than its time, others are left out instead. */
export class CineClock {
  private done = 0;

  /** Times are in milliseconds; the first frame is due an interval after `origin`. */
  constructor(
    readonly rate: number,
    private origin: number,
  ) {}

  /** How many frames have come due since the last one that was shown. */
  due(now: number): number {
    // Times of the display are rounded to a tenth of a millisecond or so.
    return Math.floor(((now - this.origin + 0.2) * this.rate) / 1000) - this.done;
  }

  advance(frames: number): void {
    this.done += frames;
  }

  /** Nothing could be shown: the next frame is due now, and those after it an interval later each. */
  wait(now: number): void {
    this.origin = now - ((this.done + 1) * 1000) / this.rate;
  }
}
