// Files and directories that are dropped onto the page or chosen, and their way to the server.

import { signal } from "@preact/signals";
import * as client from "./api/client";
import type { Model, Series } from "./api/types";
import { count, splitName } from "./format";
import { announcement, isAbort, reasonOf, report, tell } from "./messages";
import { openFirst, takeModel, takeSeries } from "./session";
import { server } from "./state";

export interface Sending {
  done: number;
  total: number;
  name: string;
  cancel(): void;
}
/** null: nothing is on its way. */
export const sending = signal<Sending | null>(null);

export interface Dropped {
  /** With the directories it was dropped with. */
  name: string;
  file: File;
}

/** What a walk needs of a FileSystemEntry. */
interface Entry {
  isFile: boolean;
  isDirectory: boolean;
  name: string;
  file?(success: (file: File) => void, failure: (reason: unknown) => void): void;
  createReader?(): { readEntries(success: (entries: Entry[]) => void, failure: (reason: unknown) => void): void };
}

/** All files of an entry; those whose names begin with a dot are left out. */
async function walk(entry: Entry, directory: string, into: Dropped[]): Promise<void> {
  if (entry.name.startsWith(".")) return;
  const name = directory + entry.name;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => entry.file?.(resolve, reject));
    into.push({ name, file });
  } else if (entry.isDirectory) {
    const reader = entry.createReader?.();
    // A reader hands out a directory in parts, and nothing when there is no more.
    for (;;) {
      const part = await new Promise<Entry[]>((resolve, reject) => reader?.readEntries(resolve, reject));
      if (part.length === 0) break;
      for (const inner of part) await walk(inner, `${name}/`, into);
    }
  }
}

const names = new Intl.Collator(undefined, { numeric: true });
const sorted = (files: Dropped[]) => files.sort((a, b) => names.compare(a.name, b.name));

/** The files of a drop. What a drop holds has to be asked for before the first await. */
export async function filesOf(transfer: DataTransfer): Promise<Dropped[]> {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry());
  const plain = items.map((item) => item.getAsFile());
  const found: Dropped[] = [];
  for (const [at, entry] of entries.entries()) {
    const file = plain[at];
    if (entry) await walk(entry as unknown as Entry, "", found);
    else if (file) found.push({ name: file.name, file });
  }
  return sorted(found);
}

export const filesOfInput = (files: FileList | null): Dropped[] =>
  sorted([...(files ?? [])].map((file) => ({ name: file.webkitRelativePath || file.name, file })));

/** Tables belong to data sets on disk, which the program reads itself. */
const isTable = ({ name }: Dropped) => name.toLowerCase().endsWith(".csv");

/** At most so many refusals are listed. */
const LISTED = 12;

/** Sends files one after the other, and opens the first that is an image. */
export async function send(chosen: readonly Dropped[]): Promise<void> {
  if (!server.value) return;
  if (sending.value) return tell("error", "Files are still on their way; wait, or cancel that.");
  const files = chosen.filter((one) => !isTable(one));
  if (files.length < chosen.length) {
    tell(
      "note",
      "Tables such as labels.csv are not taken from drops. Start lesionlens view with their directory to see them.",
    );
  }
  if (files.length === 0) return;
  const bytes = files.reduce((sum, { file }) => sum + file.size, 0);
  const most = server.value.upload_bytes;
  if (bytes > most) {
    const mebibytes = (number: number) => Math.ceil(number / 2 ** 20);
    return tell(
      "error",
      `These are ${mebibytes(bytes)} MiB; at most ${mebibytes(most)} MiB are taken. Start the program with the directory instead.`,
    );
  }
  const abort = new AbortController();
  const cancel = () => abort.abort();
  const known = new Set(server.value.series.map((series) => series.id));
  let opened = false;
  const take = async (series: readonly Series[], replaced: readonly string[]) => {
    await takeSeries(series, replaced);
    // Those that were there before have new labels or frames, and are not opened.
    const fresh = series.filter((one) => !known.has(one.id) && server.value?.series.includes(one));
    if (opened || fresh.length === 0) return;
    opened = true;
    openFirst(fresh);
  };
  // A series of several files is shown when all have come: until somebody asks about it, its frames can be put in order.
  const growing = new Map<string, Series>();
  const replaced: string[] = [];
  const refused: string[] = [];
  let model: Model | null = null;
  for (const [done, { name, file }] of files.entries()) {
    sending.value = { done, total: files.length, name, cancel };
    try {
      const answer = await client.sendFile(name, file, abort.signal);
      model = answer.model ?? model;
      replaced.push(...answer.replaced);
      const single = (series: Series) => series.kind === "image" || series.frames !== series.files.length;
      for (const series of answer.series) if (!single(series)) growing.set(series.id, series);
      await take(answer.series.filter(single), []);
    } catch (reason) {
      if (isAbort(reason)) break;
      if (reason instanceof client.ApiError && reason.http === 0) {
        report(reason);
        break;
      }
      const why = reasonOf(reason);
      // The server's messages name most files.
      refused.push(why.includes(splitName(name).base) ? why : `${name}: ${why}`);
    }
  }
  sending.value = null;
  if (model) {
    takeModel(model);
    tell("note", `${model.name} is the model now.`);
  }
  try {
    await take([...growing.values()], replaced);
  } catch (reason) {
    report(reason);
  }
  if (refused.length > 0) {
    const rest = refused.length - LISTED;
    const lines = [...refused.slice(0, LISTED), ...(rest > 0 ? [`and ${rest} more`] : [])];
    tell("error", `${refused.length} of ${count(files.length, "file")} could not be used:\n${lines.join("\n")}`);
  }
  announcement.value = `${count(files.length - refused.length, "file")} received.`;
}
