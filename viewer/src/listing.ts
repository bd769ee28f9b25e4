// The list of series: what each is called, and in which order they are shown.

import { computed, signal } from "@preact/signals";
import type { Prediction, Series } from "./api/types";
import { activePane, predictions, server } from "./state";

export type Order = "name" | "probability";
export const order = signal<Order>("name");
export const filter = signal("");

/** The frame of a series with the highest probability, among those that were classified. */
export interface Call {
  probability: number;
  positive: boolean;
  frame: number;
  classified: number;
}

/** The calls of one model for each series. */
export function callsOf(model: string | null, all: Iterable<Prediction>): Map<string, Call> {
  const calls = new Map<string, Call>();
  for (const said of all) {
    if (said.model !== model) continue;
    const call = calls.get(said.series);
    const classified = (call?.classified ?? 0) + 1;
    if (!call || said.probability > call.probability) {
      const { probability, positive, frame } = said;
      calls.set(said.series, { probability, positive, frame, classified });
    } else call.classified = classified;
  }
  return calls;
}

const names = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** Every word of `text` has to be in the name, the modality or the names of files. */
export function arranged(
  series: readonly Series[],
  by: Order,
  text: string,
  calls: ReadonlyMap<string, Call>,
): readonly Series[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = series.filter((one) => {
    const said = [one.name, one.modality ?? "", ...one.files].join("\n").toLowerCase();
    return words.every((word) => said.includes(word));
  });
  const byName = (a: Series, b: Series) => names.compare(a.name, b.name);
  // Series without a probability come last.
  const value = (one: Series) => calls.get(one.id)?.probability ?? -1;
  return found.sort(by === "name" ? byName : (a, b) => value(b) - value(a) || byName(a, b));
}

let before = new Map<string, Call>();
/** A call that did not change stays the same object, so that its row is not drawn anew. */
export const calls = computed(() => {
  const now = callsOf(activePane.value.model.value, predictions.value.values());
  for (const [series, call] of now) {
    const old = before.get(series);
    if (old && (Object.keys(call) as (keyof Call)[]).every((key) => old[key] === call[key])) now.set(series, old);
  }
  before = now;
  return now;
});
export const listing = computed(() =>
  // By name, the order does not depend on calls, so that they do not sort the list anew.
  arranged(
    server.value?.series ?? [],
    order.value,
    filter.value,
    order.value === "name" ? new Map<string, Call>() : calls.value,
  ),
);
