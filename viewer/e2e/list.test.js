// The list: what is opened, what it says, and what is dropped onto it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { DISKS, folder, model, real, temporary } from "./support/data.js";
import { writeGray } from "./support/files.js";
import { drawn, drop, item, openItem, openPage, startBrowser } from "./support/page.js";
import { startProgram } from "./support/program.js";
import { eventually, suite } from "./support/waiting.js";

const names = (page) => page.getByTestId("item").evaluateAll((items) => items.map((one) => one.dataset.name.split("/").at(-1)));

describe("the list", () => {
  let browser, program, files;
  const whole = suite(after);
  before(async () => {
    files = folder();
    browser = await startBrowser(whole);
    program = await startProgram(whole, [files], { models: [model()] });
  });

  it("has all that the folder has, with thumbnails", async (test) => {
    const page = await openPage(test, browser, program);
    const { series } = await program.state();
    assert.deepEqual(
      (await names(page)).sort(),
      [...Object.keys(DISKS), "broken.png", "cine.dcm", "colour.png", "monochrome1.dcm", "sixteen.png", "ten-bits.dcm"].sort(),
    );
    assert.equal(series.length, await page.getByTestId("item").count());
    for (const one of series) {
      const row = page.locator(`[data-testid=item][data-series="${one.id}"]`);
      await row.scrollIntoViewIfNeeded();
      if (one.frames === 0) {
        assert.match(await row.innerText(), /broken\.png/);
        assert.equal(await row.locator("img").count(), 0);
        continue;
      }
      await eventually(`the thumbnail of ${one.name}`, async () => {
        const [width, height] = await row.locator("img").evaluate((image) => [image.naturalWidth, image.naturalHeight]);
        assert.ok(width > 0 && Math.abs(width / height - one.width / one.height) < 0.05, `${width} x ${height}`);
      });
    }
  });

  it("classifies all, and is sorted by probability then", async (test) => {
    const page = await openPage(test, browser, program);
    await page.getByTestId("classify-all").click();
    const { series } = await program.state();
    const wanted = series.reduce((sum, { frames }) => sum + frames, 0);
    const predictions = await eventually("all are classified", async () => {
      const all = (await program.json("api/predictions")).predictions;
      assert.equal(all.length, wanted);
      return all;
    });
    await page.getByTestId("order").locator('[data-value="probability"]').click();
    const best = (one) => Math.max(...predictions.filter((said) => said.series === one.id).map((said) => said.probability));
    const order = series
      .filter(({ frames }) => frames > 0)
      .sort((a, b) => best(b) - best(a) || a.name.localeCompare(b.name))
      .map((one) => one.id);
    await eventually("the order", async () => {
      const shown = await page.getByTestId("item").evaluateAll((items) => items.map((one) => one.dataset.series));
      assert.deepEqual(shown.slice(0, order.length), order);
    });
    for (const one of series.filter(({ frames }) => frames > 0)) {
      const said = page.locator(`[data-series="${one.id}"]`).getByTestId("item-probability");
      await eventually(`the probability of ${one.name}`, async () =>
        assert.ok(Math.abs(parseFloat(await said.innerText()) - best(one)) < 0.0006, `${await said.innerText()}, not ${best(one)}`),
      );
    }
  });

  it("finds by words", async (test) => {
    const page = await openPage(test, browser, program);
    await page.getByTestId("filter").fill("ten dcm");
    await eventually("one is left", async () => assert.deepEqual(await names(page), ["ten-bits.dcm"]));
    await page.getByTestId("filter").fill("no such thing");
    await page.getByText("Nothing in the list has these words.").waitFor();
  });

  it("says what is wrong with a broken file, and goes on", async (test) => {
    const page = await openPage(test, browser, program);
    await item(page, "broken.png").click();
    await page.getByTestId("pane-error").waitFor();
    const { error } = await program.series("broken.png");
    const why = error.slice(error.indexOf("broken.png: ") + "broken.png: ".length);
    assert.ok((await page.getByTestId("pane-error").innerText()).includes(why), `the page does not say: ${why}`);
    assert.equal(await page.getByTestId("call").count(), 0, "nothing is said of a file without image");
    await openItem(page, "a.png");
    assert.equal(await page.getByTestId("pane-error").count(), 0);
    await page.locator('[data-testid=call][data-series]').waitFor();
  });

  it("takes a picture that is dropped, and says why it does not take garbage", async (test) => {
    const page = await openPage(test, browser, program, { expected: [/status of 422/] });
    const path = join(temporary(), "dropped.png");
    writeGray(path, 90, 70, (x, y) => x + y);
    const before = await page.getByTestId("item").count();
    await drop(page, [
      { name: "garbage.dcm", bytes: Buffer.from("garbage".repeat(50)) },
      { name: "dropped.png", bytes: readFileSync(path) },
    ]);
    await item(page, "dropped.png").waitFor();
    await drawn(page, await item(page, "dropped.png").getAttribute("data-series"));
    const error = page.getByTestId("message-error");
    await error.waitFor();
    assert.match(await error.innerText(), /1 of 2 files could not be used:\s+.*garbage\.dcm/);
    assert.equal(await page.getByTestId("item").count(), before + 1);
    await error.getByRole("button", { name: "Dismiss" }).click();
    await openItem(page, "b.png");
  });

  it("takes a model that is dropped", async (test) => {
    const bare = await startProgram(test, [join(files, "pictures")]);
    const page = await openPage(test, browser, bare);
    await page.getByText("There is no model: images are shown and not computed.").waitFor();
    await drop(page, [{ name: "dropped.safetensors", bytes: readFileSync(model()) }]);
    await page.getByTestId("message-note").waitFor();
    assert.equal((await bare.state()).models.length, 1);
    await page.locator('[data-testid=call][data-series]').waitFor();
  });
});

describe("the folder of angiogram frames", () => {
  it("is classified, and says hit or miss", async (test) => {
    const data = real(test, "arcade-frames");
    if (!data) return;
    const browser = await startBrowser(test);
    const program = await startProgram(test, [data], { models: [model()] });
    const page = await openPage(test, browser, program);
    assert.equal(await page.getByTestId("item").count(), 60);
    await page.getByTestId("classify-all").click();
    await eventually("all are classified", async () =>
      assert.equal((await program.json("api/predictions")).predictions.length, 60),
    );
    await page.getByTestId("section-truth").getByRole("button").first().click();
    await page.getByTestId("hit").waitFor();
    assert.match(await page.getByTestId("hit").innerText(), /^(hit|miss), at \d+, \d+$/);
    assert.ok((await page.locator('[data-outline="truth"]').count()) > 0, "the boxes are drawn");
  });

  it("says how long it takes from a click to the heatmap", async (test) => {
    const data = real(test, "arcade-frames/images");
    if (!data) return;
    const browser = await startBrowser(test);
    const program = await startProgram(test, [data], { models: [model()] });
    const page = await openPage(test, browser, program);
    await page.locator('.picture-canvases[data-overlay="true"]').waitFor({ state: "attached" });
    for (const name of ["30.png", "35.png", "33.png"]) {
      const milliseconds = await timeToHeatmap(page, (await program.series(name)).id);
      test.diagnostic(`${name} (512 x 512, ${(await program.state()).engine}): heatmap ${Math.round(milliseconds)} ms after the click`);
    }
  });
});

function timeToHeatmap(page, series) {
  return page.evaluate(
    (series) =>
      new Promise((resolve) => {
        const canvas = document.querySelector("[data-testid=pane-0] .picture-canvases");
        const begin = performance.now();
        const look = () => {
          if (canvas.dataset.drawn !== `${series}/0` || canvas.dataset.overlay !== "true") return;
          observer.disconnect();
          resolve(performance.now() - begin);
        };
        const observer = new MutationObserver(look);
        observer.observe(canvas, { attributes: true });
        document.querySelector(`[data-testid=item][data-series="${series}"]`).click();
      }),
    series,
  );
}
