import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Picture } from "../src/frames";
import type { Series } from "../src/api/types";

const loaded = new Set<string>();
vi.mock("../src/frames", async (original) => ({
  ...(await original<typeof import("../src/frames")>()),
  frames: { peek: (key: string) => (loaded.has(key) ? { value: {} as Picture } : undefined) },
}));

const { CineClock } = await import("../src/playback");
const { playback, playing, rate, seek, step, tick, toggle } = await import("../src/player");
const { activePane, comparing, linked, panes, server } = await import("../src/state");

const series = (id: string, frames: number, perSecond: number | null): Series => ({
  id,
  name: id,
  files: [id],
  frames,
  width: 8,
  height: 8,
  kind: "dicom",
  modality: null,
  rate: perSecond,
  label: null,
  boxes: [],
  error: null,
});

describe("the clock", () => {
  it("says how many frames are due", () => {
    const clock = new CineClock(25, 1000);
    expect([1000, 1039, 1040, 1079, 1080, 1400].map((now) => clock.due(now))).toEqual([0, 0, 1, 1, 2, 10]);
    clock.advance(10);
    expect([1400, 1439, 1440].map((now) => clock.due(now))).toEqual([0, 0, 1]);
  });

  it("does not drift", () => {
    const clock = new CineClock(30, 0);
    let shown = 0;
    for (let now = 0; now <= 60_000; now += 1000 / 60) {
      const due = clock.due(now);
      clock.advance(due);
      shown += due;
    }
    expect(shown).toBe(1800);
  });

  it("waits without a jump afterwards", () => {
    const clock = new CineClock(10, 0);
    clock.wait(950);
    expect(clock.due(950)).toBe(1);
    clock.advance(1);
    expect([1049, 1050].map((now) => clock.due(now))).toEqual([0, 1]);
  });
});

describe("playback", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["requestAnimationFrame", "cancelAnimationFrame", "performance", "setTimeout", "clearTimeout"] });
    loaded.clear();
    for (let frame = 0; frame < 96; frame++) loaded.add(`cine/${frame}`);
    server.value = { series: [series("cine", 96, 30), series("short", 4, null), series("one", 1, null)] } as never;
    panes[0].series.value = "cine";
    panes[0].frame.value = 0;
    activePane.value = panes[0];
    rate.value = 30;
  });
  afterEach(() => {
    playing.value = false;
    comparing.value = false;
    vi.useRealTimers();
  });

  it("shows all frames at the file's rate, over and over", () => {
    toggle();
    vi.advanceTimersByTime(4030);
    expect(playback.value.dropped).toBe(0);
    expect(playback.value.shown).toBeGreaterThanOrEqual(119);
    expect(playback.value.shown).toBeLessThanOrEqual(121);
    expect(panes[0].frame.value).toBe(playback.value.shown % 96);
    toggle();
    const { shown } = playback.value;
    vi.advanceTimersByTime(1000);
    expect(playback.value.shown).toBe(shown);
  });

  it("leaves frames out rather than falls behind", () => {
    const clock = new CineClock(30, 0);
    playback.value = { shown: 0, dropped: 0 };
    [100, 105, 200, 334].forEach((now) => tick(clock, now));
    expect(panes[0].frame.value).toBe(10);
    expect(playback.value).toEqual({ shown: 3, dropped: 7 });
  });

  it("shows the latest frame that is there", () => {
    loaded.delete("cine/3");
    tick(new CineClock(30, 0), 100);
    expect(panes[0].frame.value).toBe(2);
  });

  it("waits for frames that are not there yet, and goes on at its rate", () => {
    for (let frame = 10; frame < 96; frame++) loaded.delete(`cine/${frame}`);
    toggle();
    vi.advanceTimersByTime(2000);
    expect(panes[0].frame.value).toBe(9);
    for (let frame = 10; frame < 96; frame++) loaded.add(`cine/${frame}`);
    vi.advanceTimersByTime(500);
    expect(playback.value.dropped).toBe(0);
    expect(panes[0].frame.value).toBeGreaterThanOrEqual(22);
    expect(panes[0].frame.value).toBeLessThanOrEqual(26);
  });

  it("of one picture does not begin, and ends when one is opened", () => {
    panes[0].series.value = "one";
    toggle();
    expect(playing.value).toBe(false);
    panes[0].series.value = "cine";
    toggle();
    expect(playing.value).toBe(true);
    panes[0].series.value = "one";
    vi.advanceTimersByTime(50);
    expect(playing.value).toBe(false);
  });

  it("takes the rate of what is opened, and keeps one that was set", () => {
    panes[0].series.value = "short";
    expect(rate.value).toBe(15);
    panes[0].series.value = "cine";
    expect(rate.value).toBe(30);
    rate.value = 40;
    server.value = { ...server.value!, series: [...server.value!.series] };
    expect(rate.value).toBe(40);
  });

  it("moves linked panes together, each within its own frames", () => {
    panes[1].series.value = "short";
    comparing.value = true;
    linked.value = true;
    seek(panes[0], 50);
    expect(panes.map((pane) => pane.frame.value)).toEqual([50, 3]);
    step(panes[0], 1000);
    expect(panes[0].frame.value).toBe(95);
    linked.value = false;
    step(panes[1], -1);
    expect(panes.map((pane) => pane.frame.value)).toEqual([95, 2]);
  });
});
