import { expect, test } from "vitest";
import { bestFrame, frameAt, known, positionOf, valuesOf } from "../src/overtime";
import { mapKey, predictionKey } from "../src/state";
import { mapEvent, said } from "./fixtures";

test("the best frame is the first of the highest known ones", () => {
  expect(bestFrame([null, 0.2, 0.8, 0.8, 0.1])).toBe(2);
  expect(bestFrame([0, null])).toBe(0);
  expect(bestFrame([null, null])).toBeNull();
});

test("values are those of this model and these options", () => {
  const options = { method: "tiles", stride: 16 };
  const predictions = new Map([[predictionKey("m", "s", 1), said("s", 0.4, { frame: 1 })]]);
  const maps = new Map([
    [mapKey("m", "s", 0, options), mapEvent("h1", "s", { mean: 0.3 })],
    [mapKey("m", "s", 2, { method: "cam" }), mapEvent("h2", "s", { mean: 0.9, frame: 2 })],
  ]);
  const values = valuesOf(3, "s", "m", { stride: 16, method: "tiles" }, predictions, maps);
  expect(values).toEqual({ image: [null, 0.4, null], mean: [0.3, null, null] });
  expect(known(values.image)).toBe(1);
  expect(valuesOf(3, "s", "other", options, predictions, maps).image).toEqual([null, null, null]);
});

test("a click finds the frame whose place it is, also at the ends", () => {
  for (const frame of [0, 1, 47, 95]) expect(frameAt(positionOf(frame, 600, 96, 8), 600, 96, 8)).toBe(frame);
  expect(frameAt(-50, 600, 96, 8)).toBe(0);
  expect(frameAt(9999, 600, 96, 8)).toBe(95);
  expect(frameAt(10, 600, 1, 8)).toBe(0);
});
