// What the page opens, and what each pane looks at.

import { batch, signal } from "@preact/signals";
import * as client from "./api/client";
import type { Model, Series } from "./api/types";
import { frames } from "./frames";
import { heatmaps } from "./heatmaps";
import { arranged, listing } from "./listing";
import { takeMarks } from "./marking";
import { announcement, ended, gone, report } from "./messages";
import { activePane, comparing, linked, panes, server, type Pane } from "./state";
import { failures, forgetSeries, takeResults } from "./work";

/** A model is being loaded. */
export const loadingModel = signal(false);

/** Between questions whether all files are read, in milliseconds; the server takes its time for the answers. */
const READING_WAIT = 300;

/** Asks the server what it has; also after it did not answer. */
export async function begin(): Promise<void> {
  try {
    server.value = await client.state();
    if (gone.value) {
      gone.value = false;
      // What did not come then may come now.
      frames.forget((key) => frames.peek(key)?.failure !== undefined);
      heatmaps.forget((key) => heatmaps.peek(key)?.failure !== undefined);
    }
    while (server.value.reading) {
      await new Promise((resolve) => setTimeout(resolve, READING_WAIT));
      const { series, reading } = await client.state();
      server.value = { ...server.value, series, reading };
    }
    failures.value = new Map();
    for (const pane of panes) pane.model.value ??= server.value.models.at(-1)?.id ?? null;
    await Promise.all([takeMarks(), takeResults()]);
    if (panes[0].series.value === null) openFirst(server.value.series);
  } catch (reason) {
    report(reason);
  }
}

/** Opens the series whose name comes first among those that can be seen; a broken one where there is no other. */
export function openFirst(series: readonly Series[]): void {
  const list = arranged(series, "name", "", new Map());
  const first = list.find((one) => one.frames > 0) ?? list[0];
  if (first) open(activePane.value, first.id);
}

function look(pane: Pane, series: string, frame: number): void {
  if (pane.series.value !== series) {
    pane.window.value = null;
    pane.inverted.value = false;
    pane.placement.value = { zoom: null, centerX: 0.5, centerY: 0.5 };
  }
  pane.series.value = series;
  pane.frame.value = frame;
  pane.tile.value = null;
  pane.pointer.value = null;
}

const same = () => panes[0].series.value === panes[1].series.value;
/** Both panes were brought to the same series, and go through the list together. */
let joined = false;

function openIn(where: readonly Pane[], series: string, frame: number): void {
  batch(() => {
    for (const pane of where) look(pane, series, frame);
  });
  const opened = server.value?.series.find((one) => one.id === series);
  if (opened) announcement.value = opened.error ? `${opened.name}: ${opened.error}` : `${opened.name} opened.`;
}

/** Opens a series in a pane. */
export function open(pane: Pane, series: string, frame = 0): void {
  openIn([pane], series, frame);
  joined = same();
}

/** Opens the series that stands `by` places further in the list; in both panes where both were brought to the same one. */
export function move(by: number): void {
  const pane = activePane.value;
  const together = comparing.value && linked.value && joined;
  const list = listing.value;
  const at = list.findIndex((series) => series.id === pane.series.value);
  const next = list[at < 0 ? 0 : Math.min(list.length - 1, Math.max(0, at + by))];
  if (next && next.id !== pane.series.value) openIn(together ? panes : [pane], next.id, 0);
}

/** Shows or hides the second pane, which begins as a copy of the first. */
export function compare(on = !comparing.value): void {
  const [first, second] = panes;
  batch(() => {
    comparing.value = on;
    if (!on) activePane.value = first;
    else if (second.series.value === null && first.series.value !== null) {
      second.series.value = first.series.value;
      second.frame.value = first.frame.value;
      second.model.value = first.model.value;
      second.options.value = first.options.value;
      second.window.value = first.window.value;
      second.inverted.value = first.inverted.value;
      second.placement.value = first.placement.value;
      second.overlay.value = first.overlay.value;
    }
    joined = same();
  });
}

export function activate(pane: Pane): void {
  if (activePane.value !== pane) activePane.value = pane;
}

export function chooseMethod(pane: Pane, word: string): void {
  pane.tile.value = null;
  pane.options.value = { ...pane.options.value, method: word };
}

export function toggleOverlay(pane: Pane): void {
  pane.overlay.value = { ...pane.overlay.value, shown: !pane.overlay.value.shown };
}

/** The method that comes after the pane's. */
export function nextMethod(pane: Pane): void {
  const words = (server.value?.methods ?? []).map((method) => method.word);
  const next = words[(words.indexOf(String(pane.options.value.method)) + 1) % words.length];
  if (next !== undefined) chooseMethod(pane, next);
}

/** Adds a model, or one that has come again, and makes it a pane's. */
export function takeModel(model: Model, pane = activePane.value): void {
  const state = server.value;
  if (!state) return;
  server.value = { ...state, models: [...state.models.filter((one) => one.id !== model.id), model] };
  for (const one of panes) one.model.value ??= model.id;
  pane.model.value = model.id;
}

/**
 * Adds series, or takes the newest of those that are known: frames keep their numbers. Frames of `replaced` series belong to
 * others now, to which a pane that looked at one goes.
 */
export async function takeSeries(series: readonly Series[], replaced: readonly string[] = []): Promise<void> {
  const state = server.value;
  if (!state || (series.length === 0 && replaced.length === 0)) return;
  const all = new Map(state.series.map((one) => [one.id, one]));
  const gone = new Set(replaced);
  batch(() => {
    for (const one of series) all.set(one.id, one);
    for (const id of gone) all.delete(id);
    server.value = { ...state, series: [...all.values()] };
    if (gone.size === 0) return;
    forgetSeries(gone);
    for (const pane of panes) {
      if (pane.series.value === null || !gone.has(pane.series.value)) continue;
      const before = state.series.find((one) => one.id === pane.series.value);
      const heir = series.find((one) => !gone.has(one.id) && before?.files.some((file) => one.files.includes(file)));
      if (heir) look(pane, heir.id, 0);
      else pane.series.value = null;
    }
  });
  // What was known of them is known of the others.
  if (gone.size > 0) await Promise.all([takeMarks(), takeResults()]);
}

export async function loadOfferedModel(): Promise<void> {
  if (loadingModel.value) return;
  loadingModel.value = true;
  try {
    const model = await client.loadOfferedModel();
    takeModel(model);
    if (server.value) server.value = { ...server.value, offered_model: null };
    announcement.value = `Model ${model.name} loaded.`;
  } catch (reason) {
    report(reason, "The model cannot be loaded");
  } finally {
    loadingModel.value = false;
  }
}

/** Ends the program that serves the page. */
export async function quit(): Promise<void> {
  try {
    await client.stop();
    ended.value = true;
  } catch (reason) {
    report(reason, "The program was not ended");
  }
}
