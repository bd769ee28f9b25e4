import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { markOf, save, setBoxes, setLabel, warnWhenUnsaved } from "../src/marking";
import { marks, marksSaved, messages } from "../src/state";

interface Asked {
  path: string;
  body: unknown;
}
let sent: Asked[] = [];
let answer: (asked: Asked) => Response | Promise<Response>;
const box = { x: 1, y: 2, width: 3, height: 4 };

beforeEach(() => {
  sent = [];
  answer = () => new Response(null, { status: 204 });
  marks.value = new Map();
  marksSaved.value = true;
  messages.value = [];
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
    const asked = { path, body: typeof init.body === "string" ? (JSON.parse(init.body) as unknown) : undefined };
    sent.push(asked);
    return Promise.resolve(answer(asked));
  });
});
afterEach(() => vi.unstubAllGlobals());

test("a label and boxes are one mark, sent whole", async () => {
  await setLabel("s", 3, 1);
  await setBoxes("s", 3, [box]);
  expect(sent).toEqual([
    { path: "api/series/s/frames/3/mark", body: { label: 1, boxes: [] } },
    { path: "api/series/s/frames/3/mark", body: { label: 1, boxes: [box] } },
  ]);
  expect(markOf("s", 3)).toEqual({ series: "s", frame: 3, label: 1, boxes: [box] });
  expect(marksSaved.value).toBe(false);
});

test("a mark without label and boxes is none", async () => {
  await setLabel("s", 0, 0);
  await setLabel("s", 0, null);
  expect(marks.value.size).toBe(0);
  expect(sent.at(-1)?.body).toEqual({ label: null, boxes: [] });
});

test("a refused mark is taken back and said", async () => {
  await setLabel("s", 0, 0);
  marksSaved.value = true;
  answer = () =>
    new Response(JSON.stringify({ error: { status: "INVALID_ARGUMENT", message: "box 1 is outside" } }), {
      status: 400,
    });
  await setBoxes("s", 0, [box]);
  expect(markOf("s", 0)).toEqual({ series: "s", frame: 0, label: 0, boxes: [] });
  expect(marksSaved.value).toBe(true);
  expect(messages.value.map(({ text }) => text)).toEqual(["The mark was not kept: box 1 is outside"]);
});

test("changes of one frame arrive in their order", async () => {
  const open: (() => void)[] = [];
  answer = () => new Promise((resolve) => open.push(() => resolve(new Response(null, { status: 204 }))));
  const both = Promise.all([setLabel("s", 0, 1), setLabel("s", 0, 0)]);
  await vi.waitFor(() => expect(open).toHaveLength(1));
  expect(sent).toHaveLength(1);
  open[0]!();
  await vi.waitFor(() => expect(open).toHaveLength(2));
  open[1]!();
  await both;
  expect(sent.map(({ body }) => (body as { label: number }).label)).toEqual([1, 0]);
});

test("saving says where and how much; what is marked meanwhile is not saved", async () => {
  await setLabel("s", 0, 1);
  answer = () => Response.json({ directory: "/tmp/marks", images: 2, labels: 1, boxes: 3 });
  await save();
  expect(marksSaved.value).toBe(true);
  expect(messages.value.map(({ text }) => text)).toEqual(["Saved 1 label and 3 boxes of 2 images in /tmp/marks."]);

  await setLabel("s", 1, 1);
  answer = async () => {
    answer = () => new Response(null, { status: 204 });
    await setLabel("s", 2, 0);
    return Response.json({ directory: "/tmp/marks", images: 2, labels: 2, boxes: 3 });
  };
  await save();
  expect(marksSaved.value).toBe(false);
});

test("leaving asks when something is not saved", async () => {
  const leave = () => {
    const event = new Event("beforeunload", { cancelable: true });
    warnWhenUnsaved(event as BeforeUnloadEvent);
    return event.defaultPrevented;
  };
  expect(leave()).toBe(false);
  await setLabel("s", 0, 1);
  expect(leave()).toBe(true);
});
