import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { filesOf, send, sending } from "../src/dropping";
import { messages, panes, predictions, server } from "../src/state";
import { model, said, series, viewerState } from "./fixtures";

const file = (name: string, size = 1) => new File([new Uint8Array(size)], name);

type Tree = { [name: string]: Tree | File };
function entry(name: string, content: Tree | File): object {
  if (content instanceof File) {
    return { name, isFile: true, isDirectory: false, file: (hand: (file: File) => void) => hand(content) };
  }
  return {
    name,
    isFile: false,
    isDirectory: true,
    createReader() {
      const entries = Object.entries(content).map(([inner, value]) => entry(inner, value));
      // As browsers do: in parts, then nothing.
      return { readEntries: (hand: (part: object[]) => void) => hand(entries.splice(0, 2)) };
    },
  };
}

function transfer(tree: Tree): DataTransfer {
  const items = Object.entries(tree).map(([name, content]) => ({
    kind: "file",
    webkitGetAsEntry: () => entry(name, content),
    getAsFile: () => (content instanceof File ? content : null),
  }));
  return { items: [{ kind: "string" }, ...items] } as unknown as DataTransfer;
}

test("directories are walked to the end, with their names, and hidden files are left out", async () => {
  const found = await filesOf(
    transfer({
      study: {
        "10.dcm": file("10.dcm"),
        "9.dcm": file("9.dcm"),
        ".DS_Store": file(".DS_Store"),
        inner: { "a.png": file("a.png"), "b.png": file("b.png"), "c.png": file("c.png") },
      },
      "one.png": file("one.png"),
    }),
  );
  expect(found.map(({ name }) => name)).toEqual([
    "one.png",
    "study/9.dcm",
    "study/10.dcm",
    "study/inner/a.png",
    "study/inner/b.png",
    "study/inner/c.png",
  ]);
});

let names: string[] = [];
let answers: (name: string) => Response | Promise<Response>;
const answered = (answer: object) => Response.json({ series: [], replaced: [], model: null, ...answer });

beforeEach(() => {
  names = [];
  server.value = viewerState({ series: [], models: [] });
  messages.value = [];
  for (const pane of panes) {
    pane.series.value = null;
    pane.model.value = null;
  }
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
    const name = decodeURIComponent(path.split("name=")[1] ?? "");
    names.push(name);
    return new Promise((resolve, reject) => {
      init.signal?.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
      void Promise.resolve(answers(name)).then(resolve);
    });
  });
});
afterEach(() => vi.unstubAllGlobals());
const dropped = (...all: string[]) => all.map((name) => ({ name, file: file(name) }));

test("series and models come in, and what is broken is said by name", async () => {
  answers = (name) => {
    if (name === "m.safetensors") return answered({ model: model("m2") });
    if (name === "broken.dcm")
      return Response.json({ error: { status: "DECODE", message: "it ends too early" } }, { status: 422 });
    return answered({ series: [series(name)] });
  };
  await send(dropped("a.png", "broken.dcm", "m.safetensors", "labels.csv"));
  expect(names).toEqual(["a.png", "broken.dcm", "m.safetensors"]);
  expect(server.value?.series.map(({ id }) => id)).toEqual(["a.png"]);
  expect(panes[0].model.value).toBe("m2");
  const [tables, ...others] = messages.value.map(({ text }) => text);
  expect(tables).toContain("labels.csv are not taken from drops");
  expect(others).toEqual([
    "m2.safetensors is the model now.",
    "1 of 3 files could not be used:\nbroken.dcm: it ends too early",
  ]);
  expect(sending.value).toBeNull();
});

test("more than the server takes is not sent", async () => {
  await send([{ name: "big", file: file("big", (1 << 20) + 1) }]);
  expect(names).toEqual([]);
  expect(messages.value[0]?.text).toContain("at most 1 MiB");
});

test("sending can be cancelled", async () => {
  answers = () => new Promise(() => undefined);
  const done = send(dropped("a.png", "b.png"));
  await vi.waitFor(() => expect(sending.value?.total).toBe(2));
  sending.value?.cancel();
  await done;
  expect(names).toEqual(["a.png"]);
  expect(messages.value).toEqual([]);
});

test("a series of several files is shown when all have come, a picture at once", async () => {
  const seen: string[][] = [];
  answers = (name) => {
    seen.push(server.value?.series.map(({ id }) => id) ?? []);
    if (name.endsWith(".png")) return answered({ series: [series("picture")] });
    const files = name === "1.dcm" ? ["1.dcm"] : ["1.dcm", "2.dcm"];
    return answered({ series: [series("ct", { kind: "dicom", frames: files.length, files })] });
  };
  await send(dropped("1.dcm", "p.png", "2.dcm"));
  expect(seen).toEqual([[], [], ["picture"]]);
  expect(server.value?.series.map(({ id, frames }) => `${id} ${frames}`)).toEqual(["picture 1", "ct 2"]);
  expect(panes[0].series.value).toBe("picture");
});

test("a pane goes from a series that was replaced to the one that has its frames", async () => {
  const files = ["2.dcm"];
  server.value = viewerState({ series: [series("old", { kind: "dicom", files }), series("other")] });
  panes[0].series.value = "old";
  panes[1].series.value = "other";
  predictions.value = new Map([
    ["m/old/0", said("old", 0.9)],
    ["m/other/0", said("other", 0.1)],
  ]);
  answers = (name) => {
    if (name !== "1.dcm")
      return answered({
        directory: "marks",
        saved: true,
        marks: [],
        predictions: [said("new", 0.9, { frame: 1 })],
        maps: [],
      });
    return answered({
      series: [series("new", { kind: "dicom", frames: 2, files: ["1.dcm", "2.dcm"] })],
      replaced: ["old"],
    });
  };
  await send(dropped("1.dcm"));
  expect(server.value?.series.map(({ id }) => id)).toEqual(["other", "new"]);
  expect([panes[0].series.value, panes[1].series.value]).toEqual(["new", "other"]);
  expect([...predictions.value.keys()]).toEqual(["m/other/0", "m/new/1"]);
});
