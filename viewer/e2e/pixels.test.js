// What is seen of images and overlays, pixel by pixel, against what the program says that it is.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { folder, HEIGHT, model, real, WIDTH } from "./support/data.js";
import { readPng } from "./support/files.js";
import {
  asShown,
  difference,
  drawn,
  item,
  mapOf,
  openItem,
  openPage,
  pixelsOf,
  rendererOf,
  seen,
  shows,
  startBrowser,
} from "./support/page.js";
import { startProgram } from "./support/program.js";
import { suite } from "./support/waiting.js";

/** What stands in the fields for center and width of a window whose ends are these: integer samples count whole values. */
const center = ([low, high]) => (low + high + 1) / 2;
const width = ([low, high]) => high - low + 1;

for (const renderer of ["webgl", "canvas"]) {
  describe(`pixels (${renderer})`, () => {
    const whole = suite(after);
    let browser, program, page;
    before(async () => {
      browser = await startBrowser(whole);
      program = await startProgram(whole, [folder()], { models: [model()] });
      page = await openPage(whole, browser, program, { renderer });
      await openItem(page, "a.png", { overlay: true });
      assert.equal(await rendererOf(page), renderer);
      await page.getByTestId("one-to-one").click();
    });

    /** Opens an image of the list at 1:1, without its overlay. */
    async function bare(name) {
      const series = await openItem(page, name);
      if (await page.getByTestId("overlay").isChecked()) await page.getByTestId("overlay").click();
      await drawn(page, series, 0, { overlay: false });
      await page.getByTestId("one-to-one").click();
      return { series, frame: await program.stored(series) };
    }

    async function setWindow(text, field) {
      await page.getByTestId(`window-${field}`).fill(String(text));
      await page.getByTestId(`window-${field}`).press("Enter");
      await page.getByTestId(`window-${field}`).blur();
    }

    it("overlays are as the library draws them", async () => {
      const series = await openItem(page, "a.png", { overlay: true });
      await page.getByTestId("one-to-one").click();
      const { map } = await mapOf(program, series);
      for (const [scale, colormap, alpha, hideBelow] of [
        ["minmax", "inferno", 0.5, 0],
        ["minmax", "jet", 0.8, 0],
        ["absolute", "jet", 0.5, 0],
        ["absolute", "inferno", 0.35, 0.3],
        ["minmax", "inferno", 1, 0.5],
      ]) {
        await page.getByTestId("scale").locator(`[data-value="${scale}"]`).click();
        await page.getByTestId("colormap").selectOption(colormap);
        await page.getByTestId("opacity").fill(String(alpha));
        await page.getByTestId("hide-below").fill(String(hideBelow));
        const path = `api/maps/${map}/overlay?colormap=${colormap}&scale=${scale}&alpha=${alpha}&hide_below=${hideBelow}`;
        const wanted = readPng(await program.bytes(path));
        assert.deepEqual([wanted.width, wanted.height], [WIDTH, HEIGHT]);
        await shows(page, `${colormap}, ${scale}, ${alpha}, ${hideBelow}`, WIDTH, HEIGHT, pixelsOf(wanted));
      }
      const { largest } = difference(await seen(page), WIDTH, HEIGHT, pixelsOf(readPng(await program.bytes(`api/maps/${map}/overlay`))));
      assert.ok(largest > 30, "one overlay is not like another");
    });

    for (const name of ["b.png", "sixteen.png", "colour.png", "ten-bits.dcm", "monochrome1.dcm"]) {
      it(`${name} is as its samples and its window say`, async () => {
        const { frame } = await bare(name);
        const { document } = frame;
        await shows(page, name, document.width, document.height, asShown(frame));
      });
    }

    it("a 10-bit file opens with its window, and another changes what is seen as the formula says", async () => {
      const { frame } = await bare("ten-bits.dcm");
      const { document } = frame;
      // Center 500 and width 601 of integers.
      assert.deepEqual(document.window, [199.5, 799.5]);
      assert.equal(document.format, "GRAY16");
      for (const window of [[400, 500], [0, 1023], [700, 700]]) {
        await setWindow(width(window), "width");
        await setWindow(center(window), "center");
        await shows(page, `the window ${window}`, document.width, document.height, asShown(frame, { window }));
      }
      await page.getByTestId("reset-window").click();
      await shows(page, "the first window", document.width, document.height, asShown(frame));
    });

    it("MONOCHROME1 is white where values are low", async () => {
      const { frame } = await bare("monochrome1.dcm");
      const { document } = frame;
      assert.equal(document.invert, true);
      const screen = await seen(page);
      const corner = (Math.round(screen.height / 2 - document.height / 2) * screen.width + Math.round(screen.width / 2 - document.width / 2)) * 4;
      assert.equal(frame.samples[0], 0);
      assert.equal(screen.data[corner], 255);
      await page.getByTestId("invert").click();
      await shows(page, "inverted once more", document.width, document.height, asShown(frame, { inverted: true }));
      await page.getByTestId("invert").click();
    });

    it("a drag of the mouse changes the window", async () => {
      const { frame } = await bare("ten-bits.dcm");
      const { document } = frame;
      const box = await page.getByTestId("pane-0").locator(".picture-canvases").boundingBox();
      await page.mouse.move(box.x + 200, box.y + 300);
      await page.mouse.down();
      await page.mouse.move(box.x + 330, box.y + 360, { steps: 4 });
      await page.mouse.up();
      const [at, wide] = await Promise.all(
        ["center", "width"].map(async (field) => Number(await page.getByTestId(`window-${field}`).inputValue())),
      );
      assert.ok(wide > 601 && at > 500, `center ${at}, width ${wide}`);
      const window = [at - wide / 2, at + wide / 2 - 1];
      await shows(page, "the dragged window", document.width, document.height, asShown(frame, { window }));
      await page.getByTestId("reset-window").click();
    });

    it("a large image at 1:1 and real files are as the decoder has them", async (test) => {
      const directory = real(test, "dicom");
      if (!directory) return;
      const names = ["xa-1024-10bit-uncompressed.dcm", "cr-monochrome1-10bit.dcm", "vl-rgb.dcm", "ct-signed-16bit.dcm"];
      const running = await startProgram(test, names.map((name) => `${directory}/${name}`));
      const page = await openPage(test, browser, running, { renderer, viewport: { width: 1700, height: 1200 } });
      for (const name of names) {
        const { id } = await running.series(name);
        await item(page, name).click();
        await drawn(page, id);
        await page.getByTestId("one-to-one").click();
        const frame = await running.stored(id);
        const { document } = frame;
        await shows(page, name, document.width, document.height, asShown(frame));
        if (name.startsWith("cr")) assert.equal(document.invert, true);
        if (name.startsWith("xa")) assert.ok(document.format === "GRAY16" && document.range[1] === 1023, JSON.stringify(document));
      }
    });

    it("a truncated file says so, and the next one is shown", async (test) => {
      const directory = real(test, "dicom");
      if (!directory) return;
      const names = ["mr-truncated-on-purpose.dcm", "ct-signed-16bit.dcm"];
      const running = await startProgram(test, names.map((name) => `${directory}/${name}`));
      const page = await openPage(test, browser, running, { renderer, expected: [/status of 422/] });
      await item(page, names[0]).click();
      await page.locator('[data-testid=pane-error], [data-testid=frame-error]').waitFor();
      await openItem(page, names[1]);
      assert.equal(await page.locator('[data-testid=pane-error], [data-testid=frame-error]').count(), 0);
    });
  });
}

describe("frames that are computed by both renderers", () => {
  it("have the same pixels", async (test) => {
    const browser = await startBrowser(test);
    const program = await startProgram(test, [folder()], { models: [model()] });
    const screens = [];
    for (const renderer of ["webgl", "canvas"]) {
      const page = await openPage(test, browser, program, { renderer });
      await openItem(page, "c.png", { overlay: true });
      await page.getByTestId("one-to-one").click();
      const series = await item(page, "c.png").getAttribute("data-series");
      const { map } = await mapOf(program, series);
      await shows(page, `c.png (${renderer})`, WIDTH, HEIGHT, pixelsOf(readPng(await program.bytes(`api/maps/${map}/overlay`))));
      screens.push(await seen(page));
    }
    assert.deepEqual([screens[0].width, screens[0].height], [screens[1].width, screens[1].height]);
    const off = screens[0].data.reduce((largest, value, at) => Math.max(largest, Math.abs(value - screens[1].data[at])), 0);
    assert.ok(off <= 1, `they differ by ${off}`);
  });
});
