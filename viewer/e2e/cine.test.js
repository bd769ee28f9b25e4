// Cines: frames, playback, values over time, cancelling.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { cineGray, CINE_FRAMES, folder, model, real } from "./support/data.js";
import { asShown, drawn, drawnFrame, openItem, openPage, picture, seen, shows, startBrowser } from "./support/page.js";
import { startProgram } from "./support/program.js";
import { eventually, suite } from "./support/waiting.js";

/**
 * Plays until `frames` frames have come due, and stops: what was shown, one after the other, and what playback says of it. All
 * within the page, for questions from outside would take their time.
 */
const play = (page, frames) =>
  page.evaluate(
    (frames) =>
      new Promise((resolve) => {
        const canvas = document.querySelector("[data-testid=pane-0] .picture-canvases");
        const { dataset } = document.querySelector("[data-testid=pane-0] .picture");
        const button = document.querySelector("[data-testid=play]");
        const drawn = () => Number(canvas.dataset.drawn.split("/").at(-1));
        const watched = { frames: [drawn()], begin: performance.now(), end: 0, ticks: 0 };
        const observer = new MutationObserver(() => {
          if (drawn() !== watched.frames.at(-1)) watched.frames.push(drawn());
        });
        observer.observe(canvas, { attributes: true, attributeFilter: ["data-drawn"] });
        requestAnimationFrame(function tick() {
          watched.ticks++;
          const [shown, dropped] = [Number(dataset.playbackShown), Number(dataset.playbackDropped)];
          if (!watched.end && shown + dropped >= frames) {
            watched.end = performance.now();
            button.click();
          } else if (watched.end && drawn() === Number(document.querySelector("[data-testid=slider]").value)) {
            observer.disconnect();
            resolve({ ...watched, shown, dropped });
            return;
          }
          requestAnimationFrame(tick);
        });
        button.click();
      }),
    frames,
  );

/** Frames only ever go on: all the ways from one to the next are what came due, and not a round more. */
function goesOn({ frames, shown, dropped }, length) {
  const way = frames.slice(1).reduce((sum, frame, at) => sum + ((frame - frames[at] + length) % length), 0);
  assert.equal(way, shown + dropped, `frames ${frames} with ${shown} shown and ${dropped} left out`);
}

/** Also how often the browser comes to draw at all, which is what a machine without graphics processor is short of. */
const report = (test, name, { shown, dropped, begin, end, ticks }) => {
  const seconds = (end - begin) / 1000;
  test.diagnostic(
    `${name}: ${(shown / seconds).toFixed(1)} frames/s shown, ${(dropped / seconds).toFixed(1)} left out; ` +
      `the browser draws ${(ticks / seconds).toFixed(1)} times/s`,
  );
};

for (const renderer of ["webgl", "canvas"]) {
  describe(`a cine (${renderer})`, () => {
    const whole = suite(after);
    let browser, program, page, series;
    before(async () => {
      browser = await startBrowser(whole);
      program = await startProgram(whole, [folder()]);
      page = await openPage(whole, browser, program, { renderer });
      series = await openItem(page, "cine.dcm");
      await page.getByTestId("one-to-one").click();
    });

    /** The gray that the middle of the left half has. */
    async function gray() {
      const screen = await seen(page);
      return screen.data[(Math.round(screen.height / 2) * screen.width + Math.round(screen.width / 2) - 24) * 4];
    }

    it("has the pixels of each frame, by the slider", async () => {
      for (const frame of [0, 1, 17, CINE_FRAMES - 1, 5]) {
        await page.getByTestId("slider").fill(String(frame));
        await drawn(page, series, frame);
        await shows(page, `frame ${frame}`, 96, 96, asShown(await program.stored(series, frame)));
        assert.equal(await page.getByTestId("frame-number").innerText(), `${frame + 1} / ${CINE_FRAMES}`);
      }
    });

    it("plays on and on, and shows the frames that it says", async (test) => {
      await page.getByTestId("rate").selectOption("30");
      const played = await play(page, 2 * CINE_FRAMES);
      goesOn(played, CINE_FRAMES);
      report(test, `96 x 96, ${renderer}, at 30 frames/s`, played);
      // While it plays, each picture is one of those between what is said before and after it was taken.
      await page.getByTestId("rate").selectOption("5");
      await page.getByTestId("play").click();
      for (let round = 0; round < 5; round++) {
        const before = await drawnFrame(page);
        const shown = await gray();
        const after = await drawnFrame(page);
        const length = (after - before + CINE_FRAMES) % CINE_FRAMES;
        const between = Array.from({ length: length + 1 }, (_, at) => cineGray((before + at) % CINE_FRAMES));
        assert.ok(between.some((one) => Math.abs(one - shown) <= 1), `${shown} is not of frames ${before} to ${after}`);
      }
      await page.getByTestId("play").click();
    });
  });
}

describe("work on a cine", () => {
  const whole = suite(after);
  let browser, program, page, series;
  before(async () => {
    browser = await startBrowser(whole);
    program = await startProgram(whole, [folder()], { models: [model()] });
    page = await openPage(whole, browser, program);
    series = await openItem(page, "cine.dcm");
  });

  it("is cancelled in the middle: it ends, the page says so, and the program has nothing to do", async () => {
    // Tiles at every pixel, so that there is time.
    await page.getByTestId("options").locator("summary").first().click();
    await page.getByTestId("option-stride").fill("1");
    await page.getByTestId("option-stride").press("Enter");
    await page.getByTestId("all-frames").click();
    const task = page.getByTestId("task").filter({ hasText: "All frames: heatmaps" });
    await task.waitFor();
    await eventually("heatmaps are being made", async () => {
      const [, done, all] = /(\d+) of (\d+)/.exec(await task.getByTestId("progress").innerText());
      assert.ok(Number(done) >= 1 && Number(done) < Number(all));
    });
    await task.getByTestId("cancel").click();
    await page.getByTestId("task").waitFor({ state: "detached" });
    await eventually("it is said", async () =>
      assert.equal(await page.getByTestId("announcement").innerText(), "All frames: stopped."),
    );
    await page.getByTestId("all-frames").waitFor();
    await program.idle();
    const { predictions, maps } = await program.json("api/predictions");
    const made = maps.filter((map) => map.series === series && map.options.stride === 1).length;
    assert.ok(made >= 1 && made < CINE_FRAMES, `${made} heatmaps`);
    assert.equal(predictions.filter((said) => said.series === series).length, CINE_FRAMES);
    const [, classified, mapped] = /(\d+) of \d+ classified, (\d+) with heatmap/.exec(await page.getByTestId("timeline").innerText());
    assert.equal(Number(classified), CINE_FRAMES);
    // One may have been ready just after it was cancelled.
    assert.ok(Number(mapped) >= 1 && made - Number(mapped) <= 1, `${mapped} of ${made} heatmaps are known`);
  });

  it("goes to the best frame, and by the strip to any", async () => {
    const { predictions } = await program.json("api/predictions");
    const own = predictions.filter((said) => said.series === series);
    const best = own.reduce((a, b) => (b.probability > a.probability || (b.probability === a.probability && b.frame < a.frame) ? b : a));
    assert.equal(await page.getByTestId("strip").getAttribute("data-best"), String(best.frame));
    await page.getByTestId("slider").fill(String((best.frame + 3) % CINE_FRAMES));
    await page.getByTestId("best-frame").click();
    await drawn(page, series, best.frame);
    const box = await page.getByTestId("strip").boundingBox();
    await page.mouse.click(box.x + box.width - 3, box.y + box.height / 2);
    await drawn(page, series, CINE_FRAMES - 1);
    await page.mouse.click(box.x + 3, box.y + box.height / 2);
    await drawn(page, series, 0);
  });

  it("ends with the page", async (test) => {
    const other = await openPage(test, browser, program);
    await openItem(other, "cine.dcm");
    await other.getByTestId("options").locator("summary").first().click();
    await other.getByTestId("option-stride").fill("1");
    await other.getByTestId("option-stride").press("Enter");
    await other.getByTestId("all-frames").click();
    await other.getByTestId("task").waitFor();
    await other.close();
    await program.idle();
    const made = (await program.json("api/predictions")).maps.filter((map) => map.options.stride === 1).length;
    assert.ok(made < CINE_FRAMES, `${made} heatmaps were made all the same`);
  });
});

describe("the 96-frame cine", () => {
  const name = "xa-coronary-cine-96x512x512-8bit-jpeg.dcm";
  for (const renderer of ["webgl", "canvas"]) {
    it(`plays, and each frame is as the decoder has it (${renderer})`, async (test) => {
      const path = real(test, `dicom/${name}`);
      if (!path) return;
      const browser = await startBrowser(test);
      const program = await startProgram(test, [path]);
      const page = await openPage(test, browser, program, { renderer, viewport: { width: 1280, height: 800 } });
      const { id, frames, rate } = await program.series(name);
      assert.equal(frames, 96);
      await drawn(page, id);
      await page.getByTestId("one-to-one").click();
      for (const frame of [0, 41, 95]) {
        await page.getByTestId("slider").fill(String(frame));
        await drawn(page, id, frame);
        // Decoders of JPEG round in different ways.
        await shows(page, `frame ${frame}`, 512, 512, asShown(await program.stored(id, frame)), { within: 3 });
      }
      if (rate) assert.equal(Number(await page.getByTestId("rate").inputValue()), rate);
      await page.getByTestId("rate").selectOption("30");
      // The first round decodes, the second has all frames.
      for (const round of ["first", "second"]) {
        const played = await play(page, frames);
        goesOn(played, frames);
        report(test, `96 x 512 x 512 as JPEG, ${renderer}, ${round} round, at 30 frames/s`, played);
      }
    });
  }
});
