import { render, type ComponentChild } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Pane } from "../src/state";

// Pictures need a canvas, which jsdom has not.
vi.mock("../src/components/PaneView", () => ({
  PaneView: ({ pane }: { pane: Pane }) => <div data-testid="picture">{pane.series.value}</div>,
}));

import { App } from "../src/components/App";
import { HeatmapPanel } from "../src/components/HeatmapPanel";
import { onKeyDown } from "../src/dispatch";
import { gone, tell } from "../src/messages";
import { filter, order } from "../src/listing";
import {
  activePane,
  comparing,
  maps,
  marks,
  mapKey,
  messages,
  panes,
  predictionKey,
  predictions,
  server,
} from "../src/state";
import { failures } from "../src/work";
import { heatmapInfo, mapEvent, model, said, series, tile, viewerState } from "./fixtures";

HTMLCanvasElement.prototype.getContext = () => null;

let place: HTMLElement;
const show = (what: ComponentChild) => act(() => render(what, place));
const get = <E extends HTMLElement = HTMLElement>(testid: string) =>
  place.querySelector<E>(`[data-testid="${testid}"]`);
const all = (testid: string) => [...place.querySelectorAll<HTMLElement>(`[data-testid="${testid}"]`)];
const click = (element: Element | null) =>
  act(() => void element?.dispatchEvent(new MouseEvent("click", { bubbles: true })));
const press = (key: string, more: KeyboardEventInit = {}) =>
  act(
    () => void document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more })),
  );

const [first, second] = panes;
beforeEach(() => {
  place = document.createElement("div");
  document.body.append(place);
  document.addEventListener("keydown", onKeyDown);
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(null, { status: 204 })));
  server.value = viewerState({
    series: [
      series("a", { label: 1 }),
      series("b"),
      series("cine", { frames: 4, modality: "XA", rate: 15, kind: "dicom" }),
      series("bad", { frames: 0, error: "it ends too early" }),
    ],
  });
  predictions.value = new Map();
  maps.value = new Map();
  marks.value = new Map();
  messages.value = [];
  failures.value = new Map();
  gone.value = false;
  comparing.value = false;
  activePane.value = first;
  order.value = "name";
  filter.value = "";
  for (const pane of panes) {
    pane.series.value = pane === first ? "a" : null;
    pane.frame.value = 0;
    pane.model.value = "m";
    pane.options.value = { method: "tiles" };
    pane.heatmap.value = null;
    pane.tile.value = null;
  }
});
afterEach(() => {
  act(() => render(null, place));
  place.remove();
  document.removeEventListener("keydown", onKeyDown);
  vi.unstubAllGlobals();
});

test("that it is for research is always said", () => {
  show(<App />);
  expect(get("research")?.textContent).toBe("Research use only. Not a medical device.");
  act(() => void (server.value = viewerState({ series: [], models: [] })));
  expect(get("research")).not.toBeNull();
  expect(get("welcome")?.textContent).toContain("Drop images here");
});

test("the list shows calls and errors, and opens what is clicked", () => {
  show(<App />);
  expect(all("item").map((item) => item.dataset.series)).toEqual(["a", "b", "bad", "cine"]);
  expect(place.querySelector("[data-series=bad]")?.textContent).toContain("it ends too early");
  act(() => void (predictions.value = new Map([[predictionKey("m", "b", 0), said("b", 0.75)]])));
  expect(place.querySelector("[data-series=b] [data-testid=item-probability]")?.textContent).toBe("0.750");
  click(place.querySelector("[data-testid=order] [data-value=probability]"));
  expect(all("item").map((item) => item.dataset.series)).toEqual(["b", "a", "bad", "cine"]);
  click(place.querySelector("[data-series=bad]"));
  expect(get("pane-error")?.textContent).toContain("it ends too early");
  expect(get("picture")).toBeNull();
});

test("a call is shown beside its own image, model and frame only", () => {
  predictions.value = new Map([[predictionKey("m", "a", 0), said("a", 0.75)]]);
  show(<App />);
  expect(get("probability")?.textContent).toBe("0.750");
  expect(get("verdict")?.textContent).toBe("Positive");
  expect(get("call")?.dataset.series).toBe("a");
  act(() => void (first.series.value = "b"));
  expect(get("probability")?.textContent).toBe("–");
  expect(get("verdict")).toBeNull();
  expect(get("pane-call")).toBeNull();
  act(() => {
    first.series.value = "a";
    first.model.value = "other";
  });
  expect(get("call")).toBeNull();
});

test("whether it is calibrated is said plainly", () => {
  show(<App />);
  expect(get("calibration")?.textContent).toMatch(/^Not calibrated/);
  const calibrated = model("m", {
    temperature: 2.342,
    description: {
      temperature_record: { data: { samples: 615 } },
      operating_point: {
        rule: "sensitivity",
        target: 0.9,
        sensitivity: { value: 0.902 },
        specificity: { value: 0.325 },
      },
    },
  });
  act(() => void (server.value = viewerState({ models: [calibrated] })));
  expect(get("calibration")?.textContent).toBe(
    "Calibrated, temperature 2.34 from 615 images. Operating point chosen for a sensitivity of 90 %: sensitivity 90 %, specificity 33 % on its data.",
  );
});

test("calls are confirmed and corrected", () => {
  predictions.value = new Map([[predictionKey("m", "a", 0), said("a", 0.25)]]);
  show(<App />);
  expect(get("confirm")?.textContent).toBe("Confirm: negative");
  click(get("correct"));
  expect(marks.value.get("a/0")?.label).toBe(1);
  expect(get("correct")?.getAttribute("aria-pressed")).toBe("true");
  press("y");
  expect(marks.value.get("a/0")?.label).toBe(0);
  press("Delete");
  expect(marks.value.size).toBe(0);
});

test("the second image begins as the first, and list and panels follow the active one", () => {
  show(<App />);
  press("c");
  expect(all("picture").map((picture) => picture.textContent)).toEqual(["a", "a"]);
  act(() => void get("pane-1")?.dispatchEvent(new FocusEvent("focus")));
  expect(panes.indexOf(activePane.value)).toBe(1);
  act(() => void (second.options.value = { method: "cam" }));
  expect(get("question")?.textContent).toBe("Which places?");
  press("s");
  expect(get("question")?.textContent).toBe("Which parts?");
  // Both show the same series and are linked.
  press("ArrowDown");
  expect(all("picture").map((picture) => picture.textContent)).toEqual(["b", "b"]);
  // A click is for the active one, and from then on so are the keys.
  click(place.querySelector("[data-series=a]"));
  expect([first.series.value, second.series.value]).toEqual(["a", "b"]);
  press("ArrowDown");
  press("ArrowDown");
  expect([first.series.value, second.series.value]).toEqual(["bad", "b"]);
  press("c");
  expect(get("pane-1")).toBeNull();
});

test("tiles that stand out are stepped through", () => {
  const event = mapEvent("h", "a");
  const info = heatmapInfo(event, [tile(0.2), tile(0.9, { x: 16 }), tile(0.6, { x: 32 })]);
  maps.value = new Map([[mapKey("m", "a", 0, { method: "tiles" }), event]]);
  first.heatmap.value = { info, values: new Float32Array(64 * 64).fill(0.5) };
  show(<App />);
  expect([...(get("tiles")?.querySelectorAll(".tile-value") ?? [])].map((value) => value.textContent)).toEqual([
    "0.900",
    "0.600",
  ]);
  press("n");
  expect(first.tile.value).toBe(1);
  press("n");
  expect(first.tile.value).toBe(2);
  press("p");
  expect(first.tile.value).toBe(1);
  // The list is of this map only.
  act(() => void (maps.value = new Map([[mapKey("m", "a", 0, { method: "tiles" }), mapEvent("newer", "a")]])));
  expect(get("tiles")).toBeNull();
});

test("a wrong option is said and not used", () => {
  show(<HeatmapPanel pane={first} />);
  const input = get<HTMLInputElement>("option-tile_size");
  const type = (text: string) =>
    act(() => {
      if (!input) return;
      input.value = text;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    });
  type("8");
  expect(place.querySelector("[role=alert]")?.textContent).toBe("tile_size is at least 32 and at most 4096, not 8");
  expect(first.options.value).toEqual({ method: "tiles" });
  type("128");
  expect(place.querySelector("[role=alert]")).toBeNull();
  expect(first.options.value).toEqual({ method: "tiles", tile_size: 128 });
});

test("frames are gone through by key and slider", () => {
  first.series.value = "cine";
  show(<App />);
  press("ArrowRight");
  press("ArrowRight");
  expect(first.frame.value).toBe(2);
  expect(get("frame-number")?.textContent).toBe("3 / 4");
  press("End");
  press("ArrowRight");
  expect(first.frame.value).toBe(3);
  act(() => void (predictions.value = new Map([[predictionKey("m", "cine", 1), said("cine", 0.8, { frame: 1 })]])));
  press("g");
  expect(first.frame.value).toBe(1);
  expect(get("strip")?.dataset.best).toBe("1");
});

test("errors are alerts that can be dismissed; that the server is gone is said once", () => {
  show(<App />);
  act(() => {
    tell("error", "It ends too early.");
    tell("error", "It ends too early.");
  });
  expect(all("message-error")).toHaveLength(1);
  expect(get("message-error")?.getAttribute("role")).toBe("alert");
  click(get("message-error")!.querySelector("button"));
  expect(messages.value).toEqual([]);
  act(() => void (gone.value = true));
  expect(all("gone")).toHaveLength(1);
});

test("every control has a name", () => {
  predictions.value = new Map([[predictionKey("m", "a", 0), said("a", 0.75)]]);
  show(<App />);
  const controls = [...place.querySelectorAll<HTMLElement>("button, select, input:not([hidden])")];
  const nameless = controls.filter((control) => {
    const label = control.closest("label")?.textContent ?? "";
    return !(control.getAttribute("aria-label") ?? control.textContent?.trim()) && !label.trim();
  });
  expect(nameless.map((control) => control.outerHTML)).toEqual([]);
});
