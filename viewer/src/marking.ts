// What a reader thinks of images: labels and boxes, sent to the server at once and written to disk when asked.

import * as client from "./api/client";
import type { Mark, Rectangle } from "./api/types";
import { count } from "./format";
import { announcement, report, tell } from "./messages";
import { frameKey, marks, marksSaved } from "./state";

/** Changes so far, to know whether something changed while marks were being written. */
let changes = 0;
/** The last request for each frame, after which the next one is sent. */
const sending = new Map<string, Promise<void>>();

export async function takeMarks(): Promise<void> {
  const kept = await client.marks();
  marks.value = new Map(kept.marks.map((mark) => [frameKey(mark.series, mark.frame), mark]));
  marksSaved.value = kept.saved;
}

export const markOf = (series: string, frame: number): Mark =>
  marks.value.get(frameKey(series, frame)) ?? { series, frame, label: null, boxes: [] };

function keep(mark: Mark): void {
  const next = new Map(marks.value);
  const key = frameKey(mark.series, mark.frame);
  if (mark.label === null && mark.boxes.length === 0) next.delete(key);
  else next.set(key, mark);
  marks.value = next;
}

/** Keeps a mark here and sends it; where the server refuses it, what was there before comes back. */
export async function setMark(mark: Mark): Promise<void> {
  const key = frameKey(mark.series, mark.frame);
  const before = markOf(mark.series, mark.frame);
  const wasSaved = marksSaved.value;
  const change = ++changes;
  keep(mark);
  marksSaved.value = false;
  const sent = (sending.get(key) ?? Promise.resolve()).then(async () => {
    try {
      await client.putMark(mark);
    } catch (reason) {
      if (change === changes) marksSaved.value = wasSaved;
      if (marks.value.get(key) === mark || (!marks.value.has(key) && mark.label === null)) keep(before);
      report(reason, "The mark was not kept");
    }
  });
  sending.set(key, sent);
  await sent;
  if (sending.get(key) === sent) sending.delete(key);
}

export const setLabel = (series: string, frame: number, label: 0 | 1 | null) =>
  setMark({ ...markOf(series, frame), label });

export const setBoxes = (series: string, frame: number, boxes: Rectangle[]) =>
  setMark({ ...markOf(series, frame), boxes });

/** Writes all marks to the server's directory. */
export async function save(): Promise<void> {
  try {
    await Promise.all(sending.values());
    const change = changes;
    const saved = await client.saveMarks();
    if (change === changes) marksSaved.value = true;
    const what = `${count(saved.labels, "label")} and ${count(saved.boxes, "box", "boxes")} of ${count(saved.images, "image")}`;
    tell("note", `Saved ${what} in ${saved.directory}.`);
    announcement.value = "Marks saved.";
  } catch (reason) {
    report(reason, "The marks were not saved");
  }
}

/** Asks before a page with unsaved marks is left. */
export function warnWhenUnsaved(event: BeforeUnloadEvent): void {
  if (!marksSaved.value) event.preventDefault();
}
