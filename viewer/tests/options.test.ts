import { expect, test } from "vitest";
import { fieldsFor, parsed, withOption, withoutDefaults } from "../src/options";
import { mapKey } from "../src/state";
import { field } from "./fixtures";

const size = field("tile_size", { minimum: 32, maximum: 4096 });
const scale = field("scale", { kind: "float", default: 1, maximum: 16 });
const edge = field("edge", {
  kind: "choice",
  default: "cover",
  choices: ["cover", "reference"].map((word) => ({ word, documentation: "" })),
});

test("numbers are read with their bounds", () => {
  expect(parsed(size, " 96 ")).toEqual({ value: 96 });
  expect(parsed(scale, "0,5")).toEqual({ value: 0.5 });
  expect(parsed(size, "")).toEqual({ value: undefined });
  expect(parsed(size, "16")).toEqual({ error: "tile_size is at least 32 and at most 4096, not 16" });
  expect(parsed(size, "64.5")).toEqual({ error: "tile_size is a whole number, not 64.5" });
  expect(parsed(scale, "half")).toEqual({ error: "scale is a number, not half" });
  expect(parsed(scale, "17")).toEqual({ error: "scale is at most 16, not 17" });
});

test("choices are read as their words", () => {
  expect(parsed(edge, "reference")).toEqual({ value: "reference" });
  expect(parsed(edge, "none")).toEqual({ error: "edge is one of cover, reference, not none" });
});

test("equal heatmaps have equal options, however they were set", () => {
  const changed = withOption({ method: "tiles" }, size, 96);
  expect(changed).toEqual({ method: "tiles", tile_size: 96 });
  expect(withOption(changed, size, 64)).toEqual({ method: "tiles" });
  expect(withOption(changed, size, undefined)).toEqual({ method: "tiles" });
  const told = withoutDefaults({ scale: 1, tile_size: 64, method: "tiles", edge: "reference" }, [size, scale, edge]);
  expect(mapKey("m", "s", 0, told)).toBe(mapKey("m", "s", 0, { edge: "reference", method: "tiles" }));
});

test("what a method does not use is not asked for", () => {
  const fields = [field("method"), field("resolution"), field("batch_limit"), scale, size];
  const names = (method: string) => {
    const { shown, more } = fieldsFor(fields, method);
    return [shown.map(({ name }) => name), more.map(({ name }) => name)];
  };
  expect(names("tiles")).toEqual([["tile_size", "scale"], ["batch_limit"]]);
  expect(names("cam")).toEqual([["scale"], ["batch_limit"]]);
});
