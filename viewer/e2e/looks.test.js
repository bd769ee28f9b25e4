// The page as people see it: screenshots in target/viewer, and what axe says of its accessibility.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { folder, model, pictures, real, root } from "./support/data.js";
import { drawn, item, mapOf, openPage, startBrowser } from "./support/page.js";
import { startProgram } from "./support/program.js";
import { eventually, suite } from "./support/waiting.js";

const { source } = createRequire(import.meta.url)("axe-core");

/** What is wrong with the page, by the rules of WCAG 2.2 AA; scripts of tests need no leave of the page's policy. */
async function faults(page) {
  await page.evaluate(source);
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }),
  );
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ target }) => target.join(" ")).slice(0, 3)}`);
}

const demo = join(root, "target/demo");
/** The demo's model and images where there are some, for calls that mean something. */
const shown = () => {
  const trained = join(demo, "model.safetensors");
  const frames = join(demo, "phantom/frames");
  return existsSync(trained) && existsSync(frames)
    ? { models: [trained], files: [frames], first: /./ }
    : { models: [model()], files: [join(folder(), "pictures")], first: /a\.png$/ };
};

describe("the page's looks", () => {
  const whole = suite(after);
  let browser, program, made;
  before(async () => {
    made = shown();
    browser = await startBrowser(whole);
    program = await startProgram(whole, made.files, { models: made.models });
  });

  async function opened(test, options) {
    const page = await openPage(test, browser, program, options);
    const first = (await program.state()).series.filter((one) => made.first.test(one.name))[0];
    await item(page, first.name.split("/").at(-1)).waitFor({ state: "attached" });
    if (await item(page, first.name.split("/").at(-1)).isVisible()) await item(page, first.name.split("/").at(-1)).click();
    await page.locator('.picture-canvases[data-overlay="true"]').first().waitFor({ state: "attached" });
    await page.locator("[data-testid=call][data-series]").waitFor({ state: "attached" });
    return page;
  }

  const still = async (page, name) => {
    await eventually("thumbnails", async () =>
      assert.ok(await page.locator("img").evaluateAll((images) => images.every((image) => image.complete))),
    );
    await page.getByTestId("side").evaluate((side) => (side.scrollTop = 0));
    await page.screenshot({ path: join(pictures, `${name}.png`), animations: "disabled" });
  };

  /** Nothing is wider than the screen. */
  async function fits(page) {
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `the page is ${wide} pixels wider than the screen`);
  }

  for (const theme of ["dark", "light"]) {
    it(`1280 x 800, ${theme}`, async (test) => {
      const page = await opened(test, { viewport: { width: 1280, height: 800 } });
      if (theme === "light") await page.getByTestId("theme").click();
      await page.locator(`html[data-theme=${theme}]`).waitFor();
      if (theme === "dark") await page.getByTestId("classify-all").click();
      await eventually("all are classified", async () => {
        const said = await page.getByTestId("item-probability").allInnerTexts();
        assert.ok(said.every((text) => /\d/.test(text)), `${said}`);
      });
      await page.getByTestId("order").locator('[data-value="probability"]').click();
      // The highest is first then, and shown with tiles that lie close.
      const first = page.getByTestId("item").first();
      await first.click();
      await page.getByTestId("options").locator("summary").first().click();
      await page.getByTestId("option-stride").fill("8");
      await page.getByTestId("option-stride").press("Enter");
      await page.getByTestId("options").locator("summary").first().click();
      const series = await first.getAttribute("data-series");
      await eventually("its heatmap", () => mapOf(program, series, 0, { stride: 8 }));
      await drawn(page, series, 0, { overlay: true });
      await page.mouse.move(5, 5);
      await fits(page);
      await still(page, theme);
      assert.deepEqual(await faults(page), []);
    });
  }

  it("comparing", async (test) => {
    const page = await opened(test, { viewport: { width: 1280, height: 800 } });
    await page.getByTestId("compare").click();
    await page.getByTestId("pane-method").nth(1).selectOption("grad-cam++");
    await page.locator('[data-testid=pane-1] .picture-canvases[data-overlay="true"]').waitFor({ state: "attached" });
    await fits(page);
    await still(page, "compare");
    assert.deepEqual(await faults(page), []);
  });

  it("help", async (test) => {
    const page = await opened(test, { viewport: { width: 1280, height: 800 } });
    await page.keyboard.press("?");
    await page.getByTestId("help").waitFor();
    await still(page, "help");
    assert.deepEqual(await faults(page), []);
  });

  it("a phone in portrait", async (test) => {
    const page = await opened(test, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 });
    for (const tab of ["images", "call", "heatmap", "model"]) {
      await page.getByTestId(`tab-${tab}`).tap();
      await fits(page);
      await still(page, `phone-${tab}`);
      assert.deepEqual(await faults(page), [], tab);
    }
  });

  it("nothing opened", async (test) => {
    const empty = await startProgram(test, []);
    const page = await openPage(test, browser, empty, { viewport: { width: 1280, height: 800 } });
    await still(page, "empty");
    assert.deepEqual(await faults(page), []);
  });

  it("a cine with its values over time", async (test) => {
    const name = "xa-coronary-cine-96x512x512-8bit-jpeg.dcm";
    const path = real(test, `dicom/${name}`);
    if (!path) return;
    const running = await startProgram(test, [path], { models: made.models });
    const page = await openPage(test, browser, running, { viewport: { width: 1280, height: 800 } });
    const { id, frames } = await running.series(name);
    await page.getByTestId("classify-all").click();
    await eventually("all frames are classified", async () =>
      assert.equal((await running.json("api/predictions")).predictions.length, frames),
    );
    await page.getByTestId("best-frame").click();
    const best = Number(await page.getByTestId("strip").getAttribute("data-best"));
    await drawn(page, id, best, { overlay: true });
    await still(page, "cine");
    assert.deepEqual(await faults(page), []);
  });
});
