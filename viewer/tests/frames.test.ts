import { afterEach, describe, expect, it, vi } from "vitest";
import type { Frame } from "../src/api/types";
import { frames, framesAhead, loadPicture } from "../src/frames";
import { server } from "../src/state";
import { exampleFrame } from "./exampleFrame";

const frame = (more: Partial<Frame> = {}) =>
  exampleFrame({ frame: 1, file: "a.dcm", file_frame: 1, format: "GRAY16", range: [0, 65535], window: [0, 65535], ...more });

/** Answers each request with a frame and bytes; returns the addresses that were asked for. */
function serve(answer: (path: string) => { frame: Frame; bytes: Uint8Array<ArrayBuffer> }): string[] {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (path: string) => {
    asked.push(path);
    const { frame, bytes } = answer(path);
    return new Response(bytes, { headers: { "Lens-Frame": JSON.stringify(frame) } });
  });
  return asked;
}
const ongoing = () => new AbortController().signal;
const jpeg = frame({ encoding: "jpeg", format: "GRAY8" });

afterEach(() => vi.unstubAllGlobals());

describe("a picture", () => {
  it("has the samples of its format", async () => {
    serve(() => ({ frame: frame(), bytes: Uint8Array.of(1, 2, 255, 255) }));
    expect((await loadPicture("s", 1, ongoing())).samples).toEqual(Uint16Array.of(0x0201, 0xffff));
    serve(() => ({ frame: frame({ format: "GRAY_S16" }), bytes: Uint8Array.of(1, 2, 255, 255) }));
    expect((await loadPicture("s", 1, ongoing())).samples).toEqual(Int16Array.of(0x0201, -1));
  });

  it("that is cut short is refused", async () => {
    serve(() => ({ frame: frame(), bytes: Uint8Array.of(1, 2, 3) }));
    await expect(loadPicture("s", 1, ongoing())).rejects.toThrow("3 bytes instead of 4");
  });

  it("of another frame than was asked for is refused", async () => {
    serve(() => ({ frame: frame({ frame: 2 }), bytes: new Uint8Array(4) }));
    await expect(loadPicture("s", 1, ongoing())).rejects.toThrow("Frame 1 of s was asked for, 2 of s came");
  });

  it("is decoded by the browser, colours as they are", async () => {
    const bitmap = { width: 2, height: 1, close: vi.fn() };
    const decode = vi.fn(async () => bitmap);
    vi.stubGlobal("createImageBitmap", decode);
    const asked = serve(() => ({ frame: jpeg, bytes: new Uint8Array(9) }));
    expect((await loadPicture("s", 1, ongoing())).bitmap).toBe(bitmap);
    expect(decode).toHaveBeenCalledWith(expect.any(Blob), { colorSpaceConversion: "none", premultiplyAlpha: "none" });
    expect(asked).toEqual(["api/series/s/frames/1/pixels"]);
  });

  it.each([
    ["cannot be decoded", () => Promise.reject(new Error("no"))],
    ["comes out in another size", () => Promise.resolve({ width: 1, height: 2, close() {} })],
  ])("is fetched as samples when it %s", async (_, decode) => {
    vi.stubGlobal("createImageBitmap", decode);
    const asked = serve(() => ({ frame: jpeg, bytes: new Uint8Array(2) }));
    const picture = await loadPicture("s", 1, ongoing());
    expect(picture.samples).toEqual(new Uint8Array(2));
    expect(picture.frame.encoding).toBe("stored");
    expect(asked[1]).toBe("api/series/s/frames/1/pixels?stored");
  });
});

describe("frames ahead", () => {
  it("follow in playback, over the end", () => expect(framesAhead(94, 96, 4, true)).toEqual([94, 95, 0, 1, 2]));
  it("lie on both sides else", () => expect(framesAhead(1, 96, 3, false)).toEqual([1, 2, 0, 3, 4]));
  it("are each named once", () => {
    expect(framesAhead(2, 4, 50, true)).toEqual([2, 3, 0, 1]);
    expect(framesAhead(0, 1, 50, false)).toEqual([0]);
  });
});

describe("frames of a series that has other files now", () => {
  it("are fetched anew", async () => {
    const asked = serve(() => ({ frame: frame(), bytes: new Uint8Array(4) }));
    const series = (files: string[]) => ({ series: [{ id: "s", files, frames: 2, width: 2, height: 1 }] }) as never;
    server.value = series(["b.dcm"]);
    const user = {};
    frames.want(user, ["s/1"]);
    await vi.waitFor(() => expect(frames.peek("s/1")?.value).toBeDefined());
    server.value = series(["a.dcm", "b.dcm"]);
    expect(frames.peek("s/1")).toBeUndefined();
    await vi.waitFor(() => expect(frames.peek("s/1")?.value).toBeDefined());
    expect(asked).toHaveLength(2);
    frames.want(user, []);
  });
});
