import { expect, test } from "vitest";
import { GROUPS, keyName, meaning, type Holder } from "../src/keys";

const press = (key: string, holder: Holder = "none", more = {}) =>
  meaning({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more }, holder);

test("no key means two things", () => {
  const keys = GROUPS.flatMap((group) =>
    group.keys.flatMap((one) => one.keys.map((key) => `${one.control ?? false} ${key}`)),
  );
  expect(new Set(keys).size).toBe(keys.length);
});

test("keys mean what the help says", () => {
  expect(press("ArrowUp")).toEqual({ action: "previousSeries", index: 0 });
  expect(press("?", "none", { shiftKey: true })?.action).toBe("help");
  expect(press("3")).toEqual({ action: "preset", index: 2 });
  expect(press("s", "none", { ctrlKey: true })?.action).toBe("save");
  expect(press("s", "none", { metaKey: true })?.action).toBe("save");
  expect(press("s")?.action).toBe("otherPane");
});

test("Shift makes another key of a letter, caps lock does not", () => {
  expect(press("A", "none", { shiftKey: true })?.action).toBe("classifyAll");
  expect(press("A")?.action).toBe("allFrames");
});

test("a browser's own keys are left alone", () => {
  expect(press("r", "none", { ctrlKey: true })).toBeNull();
  expect(press("ArrowLeft", "none", { altKey: true })).toBeNull();
});

test("what has the focus keeps its keys", () => {
  expect(press("i", "text")).toBeNull();
  expect(press("ArrowLeft", "range")).toBeNull();
  expect(press("i", "range")?.action).toBe("invert");
  expect(press(" ", "button")).toBeNull();
  expect(press("ArrowRight", "button")?.action).toBe("nextFrame");
  expect(press("s", "text", { ctrlKey: true })?.action).toBe("save");
});

test("keys are named as they are printed", () => {
  expect(keyName({ keys: ["ArrowUp"] })).toBe("↑");
  expect(keyName({ keys: ["s"], control: true })).toBe("Ctrl S");
  expect(keyName({ keys: ["1", "2", "3"] })).toBe("1 – 3");
});
