// Things that are fetched ahead and kept within a number of bytes.

import { signal } from "@preact/signals";

/** What is known of a key; undefined: it has not arrived. */
export type Kept<T> = { value: T; failure?: undefined } | { value?: undefined; failure: unknown };

export interface StoreOptions<T> {
  /** Most bytes that are kept; what was used the longest ago goes first. */
  limit: number;
  /** Most fetches at once for what is not needed yet. */
  parallel: number;
  load(key: string, signal: AbortSignal): Promise<T>;
  bytes(value: T): number;
  /** Frees what is not kept any more. */
  drop?(value: T): void;
}

/**
 * Users name what they want, the most urgent first. That is fetched in this order, as far as the limit goes, and is not let go
 * of; fetches that nobody wants any more are aborted.
 */
export class Store<T> {
  /** Changes with each arrival. */
  readonly changed = signal(0);
  private readonly kept = new Map<string, Kept<T>>();
  private readonly loading = new Map<string, AbortController>();
  private readonly wanted = new Map<object, readonly string[]>();
  private bytes = 0;
  private lastSize = 0;

  constructor(private readonly options: StoreOptions<T>) {}

  /** Signals that read it follow arrivals. */
  get(key: string): Kept<T> | undefined {
    void this.changed.value;
    return this.peek(key);
  }

  peek(key: string): Kept<T> | undefined {
    const kept = this.kept.get(key);
    if (kept) {
      this.kept.delete(key);
      this.kept.set(key, kept);
    }
    return kept;
  }

  /** Replaces what `user` wants; an empty list when it is gone. */
  want(user: object, keys: readonly string[]): void {
    if (keys.length > 0) this.wanted.set(user, keys);
    else this.wanted.delete(user);
    this.work();
  }

  /** What is kept of these keys is old. */
  forget(old: (key: string) => boolean): void {
    for (const [key, kept] of [...this.kept]) if (old(key)) this.remove(key, kept);
    for (const [key, loading] of [...this.loading]) {
      if (!old(key)) continue;
      this.loading.delete(key);
      loading.abort();
    }
    this.changed.value++;
    this.work();
  }

  /** Bytes of what is kept. */
  get size(): number {
    return this.bytes;
  }

  /** Wanted keys that fit into the limit, with the first ones of each user in any case. */
  private plan(): Map<string, boolean> {
    const plan = new Map<string, boolean>();
    const lists = [...this.wanted.values()];
    const longest = Math.max(0, ...lists.map((list) => list.length));
    let bytes = 0;
    for (let place = 0; place < longest; place++) {
      for (const list of lists) {
        const key = list[place];
        if (key === undefined || plan.has(key)) continue;
        const kept = this.kept.get(key);
        bytes += kept ? this.sizeOf(kept) : this.lastSize;
        if (place === 0 || bytes <= this.options.limit) plan.set(key, place === 0);
      }
    }
    return plan;
  }

  private sizeOf(kept: Kept<T>): number {
    return kept.value === undefined ? 0 : this.options.bytes(kept.value);
  }

  private work(): void {
    const plan = this.plan();
    for (const [key, loading] of [...this.loading]) {
      if (plan.has(key)) continue;
      this.loading.delete(key);
      loading.abort();
    }
    // A failure may be over by the next time.
    for (const [key, kept] of [...this.kept]) if (kept.value === undefined && !plan.has(key)) this.remove(key, kept);
    for (const [key, kept] of [...this.kept]) {
      if (this.bytes <= this.options.limit) break;
      if (!plan.has(key)) this.remove(key, kept);
    }
    for (const [key, urgent] of plan) {
      if (this.kept.has(key) || this.loading.has(key)) continue;
      if (urgent || this.loading.size < this.options.parallel) this.load(key);
    }
  }

  private load(key: string): void {
    const abort = new AbortController();
    this.loading.set(key, abort);
    const arrived = (kept: Kept<T>) => {
      if (this.loading.get(key) !== abort) {
        if (kept.value !== undefined) this.options.drop?.(kept.value);
        return;
      }
      this.loading.delete(key);
      this.kept.set(key, kept);
      const size = this.sizeOf(kept);
      this.bytes += size;
      if (size > 0) this.lastSize = size;
      this.work();
      this.changed.value++;
    };
    this.options.load(key, abort.signal).then(
      (value) => arrived({ value }),
      (failure: unknown) => arrived({ failure }),
    );
  }

  private remove(key: string, kept: Kept<T>): void {
    this.kept.delete(key);
    this.bytes -= this.sizeOf(kept);
    if (kept.value !== undefined) this.options.drop?.(kept.value);
  }
}
