import { effect } from "@preact/signals";
import { describe, expect, it } from "vitest";
import { Store } from "../src/store";

interface Request {
  key: string;
  aborted: boolean;
  answer(bytes: number): Promise<void>;
  fail(reason: unknown): Promise<void>;
}

function setUp(limit = 100, parallel = 2) {
  const requests: Request[] = [];
  const dropped: string[] = [];
  const store = new Store<{ key: string; bytes: number }>({
    limit,
    parallel,
    bytes: ({ bytes }) => bytes,
    drop: ({ key }) => dropped.push(key),
    load: (key, signal) =>
      new Promise((resolve, reject) => {
        const settled = () => new Promise<void>((done) => setTimeout(done));
        const request: Request = {
          key,
          aborted: false,
          answer: (bytes) => (resolve({ key, bytes }), settled()),
          fail: (reason) => (reject(reason), settled()),
        };
        signal.addEventListener("abort", () => (request.aborted = true));
        requests.push(request);
      }),
  });
  return { store, requests, dropped, names: () => requests.map(({ key }) => key) };
}
const user = {};

describe("a store", () => {
  it("fetches in order, so many at once", async () => {
    const { store, requests, names } = setUp();
    store.want(user, ["a", "b", "c"]);
    expect(names()).toEqual(["a", "b"]);
    await requests[0]!.answer(10);
    expect(names()).toEqual(["a", "b", "c"]);
    expect(store.peek("a")?.value?.bytes).toBe(10);
    expect(store.peek("b")).toBeUndefined();
    expect(store.size).toBe(10);
  });

  it("fetches what is needed now whatever else is on its way, and nothing twice", () => {
    const { store, names } = setUp();
    store.want(user, ["a", "b", "c"]);
    store.want({}, ["d", "a"]);
    expect(names()).toEqual(["a", "b", "d"]);
  });

  it("aborts what nobody wants any more, and drops it should it come", async () => {
    const { store, requests, dropped } = setUp();
    store.want(user, ["a", "b"]);
    store.want(user, ["b"]);
    expect(requests.map(({ aborted }) => aborted)).toEqual([true, false]);
    await requests[0]!.answer(10);
    expect(store.peek("a")).toBeUndefined();
    expect(dropped).toEqual(["a"]);
    store.want(user, []);
    expect(requests[1]!.aborted).toBe(true);
  });

  it("lets go of what was used the longest ago", async () => {
    const { store, requests, dropped } = setUp(100);
    for (const key of ["a", "b", "c"]) {
      store.want(user, [key]);
      await requests.at(-1)!.answer(30);
    }
    store.peek("a");
    store.want(user, ["d"]);
    await requests.at(-1)!.answer(30);
    expect(dropped).toEqual(["b"]);
    expect(store.size).toBe(90);
  });

  it("fetches ahead as far as the limit goes, and not again and again", async () => {
    const { store, requests, dropped, names } = setUp(100, 1);
    store.want(user, ["a", "b", "c", "d", "e"]);
    for (let index = 0; index < requests.length; index++) await requests[index]!.answer(40);
    expect(names()).toEqual(["a", "b"]);
    expect(dropped).toEqual([]);
    expect(store.size).toBe(80);
  });

  it("keeps what is needed now also beyond the limit", async () => {
    const { store, requests } = setUp(100);
    store.want(user, ["a"]);
    await requests[0]!.answer(500);
    expect(store.peek("a")).toBeDefined();
    store.want(user, ["b"]);
    expect(store.peek("a")).toBeUndefined();
  });

  it("keeps a failure as long as it is wanted", async () => {
    const { store, requests, names } = setUp();
    store.want(user, ["a"]);
    await requests[0]!.fail("broken");
    store.want(user, ["a", "b"]);
    expect(store.peek("a")).toEqual({ failure: "broken" });
    expect(names()).toEqual(["a", "b"]);
    store.want(user, ["b"]);
    store.want(user, ["a"]);
    expect(names()).toEqual(["a", "b", "a"]);
  });

  it("fetches anew what was forgotten", async () => {
    const { store, requests, dropped, names } = setUp();
    store.want(user, ["a", "b"]);
    await requests[0]!.answer(10);
    store.forget(() => true);
    expect(dropped).toEqual(["a"]);
    expect(requests[1]!.aborted).toBe(true);
    expect(names()).toEqual(["a", "b", "a", "b"]);
    expect(store.size).toBe(0);
  });

  it("tells signals of arrivals", async () => {
    const { store, requests } = setUp();
    const seen: unknown[] = [];
    const stop = effect(() => void seen.push(store.get("a")?.value?.bytes));
    store.want(user, ["a"]);
    await requests[0]!.answer(7);
    stop();
    expect(seen).toEqual([undefined, 7]);
  });
});
