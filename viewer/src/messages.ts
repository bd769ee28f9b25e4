// What the page has to say beside its results, and whether the program behind it still answers.

import { signal } from "@preact/signals";
import { ApiError } from "./api/client";
import { messages, type Message } from "./state";

/** The server does not answer: said once, in a place of its own. */
export const gone = signal(false);
/** The server was asked to end. */
export const ended = signal(false);
/** For screen readers: what has just happened. */
export const announcement = signal("");

let next = 1;

/** How long notes stay, in milliseconds; errors stay until they are dismissed. */
export const NOTE_STAYS = 8000;

/** Says the same thing once only, however often it happens. */
export function tell(kind: Message["kind"], text: string): void {
  if (messages.value.some((message) => message.text === text)) return;
  const id = next++;
  messages.value = [...messages.value, { id, kind, text }];
  if (kind === "note") setTimeout(() => dismiss(id), NOTE_STAYS);
}

export function dismiss(id: number): void {
  messages.value = messages.value.filter((message) => message.id !== id);
}

export const isAbort = (reason: unknown) => reason instanceof DOMException && reason.name === "AbortError";
export const reasonOf = (reason: unknown) => (reason instanceof Error ? reason.message : String(reason));

/** Shows what went wrong; `doing` says in which undertaking. */
export function report(reason: unknown, doing = ""): void {
  if (isAbort(reason) || ended.value) return;
  if (reason instanceof ApiError && reason.http === 0) gone.value = true;
  else tell("error", doing ? `${doing}: ${reasonOf(reason)}` : reasonOf(reason));
}
