import { expect, test } from "vitest";
import { arranged, callsOf } from "../src/listing";
import { said, series } from "./fixtures";

const ids = (list: readonly { id: string }[]) => list.map((one) => one.id);

test("names are ordered as people count", () => {
  const list = [series("frame10"), series("frame9"), series("Frame1")];
  expect(ids(arranged(list, "name", "", new Map()))).toEqual(["Frame1", "frame9", "frame10"]);
});

test("the highest probability comes first, the unknown last and by name", () => {
  const list = [series("z"), series("low"), series("high"), series("b")];
  const calls = callsOf("m", [said("low", 0.1), said("high", 0.9), said("b", 0.95, { model: "other" })]);
  expect(ids(arranged(list, "probability", "", calls))).toEqual(["high", "low", "b", "z"]);
});

test("a series is called by its highest frame, of one model only", () => {
  const calls = callsOf("m", [
    said("a", 0.2, { frame: 0 }),
    said("a", 0.7, { frame: 4 }),
    said("a", 0.3, { frame: 5 }),
    said("a", 0.99, { frame: 6, model: "other" }),
  ]);
  expect(calls.get("a")).toEqual({ probability: 0.7, positive: true, frame: 4, classified: 3 });
});

test("every word of the filter has to be found, in name, modality or files", () => {
  const list = [series("a", { name: "Angio", modality: "XA" }), series("b", { name: "Angio", files: ["deep/cr.dcm"] })];
  expect(ids(arranged(list, "name", "angio xa", new Map()))).toEqual(["a"]);
  expect(ids(arranged(list, "name", "CR.dcm", new Map()))).toEqual(["b"]);
  expect(ids(arranged(list, "name", "  ", new Map()))).toEqual(["a", "b"]);
  expect(arranged(list, "name", "angio mr", new Map())).toEqual([]);
});
