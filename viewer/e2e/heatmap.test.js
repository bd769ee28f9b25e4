// Heatmaps: what is said under the pointer, methods, tiles, boxes, comparing.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { DISKS, folder, HEIGHT, model, WIDTH } from "./support/data.js";
import { readGray16 } from "./support/files.js";
import { drawn, drawnFrame, mapOf, onPage, openItem, openPage, pane, picture, startBrowser } from "./support/page.js";
import { startProgram } from "./support/program.js";
import { eventually, suite } from "./support/waiting.js";

describe("heatmaps", () => {
  const whole = suite(after);
  let browser, program;
  before(async () => {
    browser = await startBrowser(whole);
    program = await startProgram(whole, [folder()], { models: [model()] });
  });

  it("the value under the pointer is the map's, and the tile there is outlined", async (test) => {
    const page = await openPage(test, browser, program);
    const series = await openItem(page, "a.png", { overlay: true });
    await page.getByTestId("one-to-one").click();
    const map = await mapOf(program, series);
    const { samples } = await program.stored(series);
    assert.deepEqual([map.width, map.height], [WIDTH, HEIGHT]);
    for (const [x, y] of [[3, 4], [60, 50], [120, 90], [WIDTH - 1, HEIGHT - 1]]) {
      const at = await onPage(page, WIDTH, HEIGHT, x + 0.5, y + 0.5);
      await page.mouse.move(at.x, at.y);
      await eventually(`the pointer at ${x}, ${y}`, async () => {
        assert.equal(await page.getByTestId("hover-position").innerText(), `x ${x} y ${y}`);
        assert.equal(await page.getByTestId("hover-value").innerText(), String(samples[y * WIDTH + x]));
        assert.equal(await page.getByTestId("hover-map").innerText(), `map ${map.values[y * WIDTH + x].toFixed(3)}`);
      });
      const label = await page.locator(".tile-label").innerText().catch(() => page.locator(".tile-label").textContent());
      const under = map.tiles.filter(([left, top, width, height]) => x >= left && y >= top && x < left + width && y < top + height);
      assert.ok(under.some((tile) => tile[4].toFixed(2) === label), `${label} is not of a tile there`);
    }
    await page.mouse.move(2, 2);
    await page.getByTestId("hover-position").waitFor({ state: "detached" });
  });

  it("each method has its question and its map", async (test) => {
    const page = await openPage(test, browser, program);
    const series = await openItem(page, "c.png", { overlay: true });
    const { methods } = await program.state();
    assert.ok(methods.length >= 4);
    const maps = [];
    for (const { word, question } of methods) {
      await page.getByTestId("method").locator(`[data-value="${word}"]`).click();
      const sentence = question.charAt(0).toUpperCase() + question.slice(1);
      await eventually("the question", async () => assert.equal(await page.getByTestId("question").textContent(), sentence));
      await eventually(`the map of ${word}`, async () => maps.push(await mapOf(program, series, 0, { method: word })));
      await drawn(page, series, 0, { overlay: true });
      const { values, width } = maps.at(-1);
      const at = await onPage(page, WIDTH, HEIGHT, 150.5, 110.5);
      await page.getByTestId("one-to-one").click();
      await page.mouse.move(at.x, at.y);
      await eventually(`the value of ${word}`, async () =>
        assert.equal(await page.getByTestId("hover-map").innerText(), `map ${values[110 * width + 150].toFixed(3)}`),
      );
    }
    assert.equal(new Set(maps.map(({ map }) => map)).size, methods.length);
    assert.equal(new Set(methods.map(({ question }) => question)).size, methods.length);
    for (const [index, { values }] of maps.entries()) {
      for (const other of maps.slice(index + 1)) assert.ok(values.some((value, at) => value !== other.values[at]));
    }
  });

  it("the tiles above threshold are stepped through, and each is outlined", async (test) => {
    const page = await openPage(test, browser, program);
    const series = await openItem(page, "a.png", { overlay: true });
    await page.getByTestId("one-to-one").click();
    await page.mouse.move(2, 2);
    // Tiles that lie closer, so that more than one has the disk in it.
    await page.getByTestId("options").locator("summary").first().click();
    await page.getByTestId("option-stride").fill("8");
    await page.getByTestId("option-stride").press("Enter");
    const { tiles, prediction } = await eventually("the map with stride 8", () => mapOf(program, series, 0, { stride: 8 }));
    await drawn(page, series, 0, { overlay: true });
    const above = [...tiles.keys()]
      .filter((index) => tiles[index][4] > prediction.threshold)
      .sort((a, b) => tiles[b][7] - tiles[a][7] || a - b);
    assert.ok(above.length >= 2, "the model calls no two tiles of a.png positive");
    const listed = page.getByTestId("tiles").locator("[data-tile]");
    await listed.first().waitFor();
    assert.deepEqual(await listed.evaluateAll((rows) => rows.map((row) => Number(row.dataset.tile))), above.slice(0, 60));
    const corner = await onPage(page, WIDTH, HEIGHT, 0, 0);
    for (const index of above.slice(0, 3)) {
      await page.getByTestId("next-tile").click();
      await page.locator(`[data-tile="${index}"][aria-pressed=true]`).waitFor();
      const [x, y, width, height] = tiles[index];
      await eventually("the outline", async () => {
        const box = await page.locator('[data-outline="chosen"] .outline-line').evaluate((rectangle) => {
          const { x, y, width, height } = rectangle.getBoundingClientRect();
          return [x, y, width, height];
        });
        [corner.x + x, corner.y + y, width, height].forEach((wanted, at) =>
          assert.ok(Math.abs(box[at] - wanted) <= 2.5, `${box}, tile ${tiles[index].slice(0, 4)}, corner ${corner.x} ${corner.y}`),
        );
      });
    }
  });

  it("says hit or miss where boxes.csv has boxes, and draws them", async (test) => {
    const page = await openPage(test, browser, program);
    await page.getByTestId("section-truth").getByRole("button").first().click();
    for (const [name, disk] of Object.entries(DISKS)) {
      const series = await openItem(page, name, { overlay: true });
      await page.mouse.move(2, 2);
      if (!disk) {
        await page.getByTestId("hit").waitFor({ state: "detached" });
        assert.equal(await page.locator('[data-outline="truth"]').count(), 0);
        continue;
      }
      const text = await page.getByTestId("hit").innerText();
      const [, verdict, x, y] = /^(hit|miss), at (\d+), (\d+)$/.exec(text);
      const { values, width } = await mapOf(program, series);
      const highest = values.reduce((a, b) => Math.max(a, b));
      assert.ok([-1, 0, 1].some((dx) => [-1, 0, 1].some((dy) => values[(+y + dy) * width + +x + dx] === highest)), text);
      // Half a tile of 64 beside a box of 24.
      const near = (value, centre) => Math.abs(value - centre) <= 12 + 32 + 0.5;
      assert.equal(verdict, near(+x, disk[0]) && near(+y, disk[1]) ? "hit" : "miss");
      assert.equal(await page.locator('[data-outline="truth"]').count(), 1);
    }
  });

  it("an option of the heatmap makes another map, and a wrong value is told", async (test) => {
    const page = await openPage(test, browser, program);
    const series = await openItem(page, "b.png", { overlay: true });
    await page.getByTestId("options").locator("summary").first().click();
    await page.getByTestId("option-stride").fill("32");
    await page.getByTestId("option-stride").press("Enter");
    await eventually("the map with stride 32", () => mapOf(program, series, 0, { stride: 32 }));
    await page.getByTestId("option-stride").fill("many");
    await page.getByTestId("option-stride").press("Enter");
    await page.getByText("stride is a whole number, not many").waitFor();
  });

  it("two images side by side have zoom, frame and window together", async (test) => {
    const page = await openPage(test, browser, program);
    const series = await openItem(page, "cine.dcm");
    await page.getByTestId("compare").click();
    await drawn(page, series, 0, { at: 1 });
    const zoom = (at) => pane(page, at).getByTestId("corner-zoom").innerText();
    await page.getByTestId("one-to-one").click();
    await eventually("1:1", async () => assert.deepEqual([await zoom(0), await zoom(1)], ["100 %", "100 %"]));
    const middle = await picture(page, 0).boundingBox();
    await page.mouse.move(middle.x + middle.width / 2, middle.y + middle.height / 2);
    await page.mouse.wheel(0, -200);
    await eventually("the zoom of both", async () => {
      assert.notEqual(await zoom(0), "100 %");
      assert.equal(await zoom(0), await zoom(1));
    });
    await page.getByTestId("slider").fill("7");
    await drawn(page, series, 7);
    await drawn(page, series, 7, { at: 1 });
    const window = (at) => pane(page, at).getByTestId("corner-window").innerText();
    await page.getByTestId("window-width").fill("100");
    await page.getByTestId("window-width").press("Enter");
    await eventually("the window of both", async () => {
      assert.match(await window(0), /W 100$/);
      assert.equal(await window(0), await window(1));
    });
    // Not linked, each has its own.
    await page.getByTestId("link").click();
    await page.getByTestId("slider").fill("3");
    await eventually("one frame has changed", async () =>
      assert.deepEqual([await drawnFrame(page, 0), await drawnFrame(page, 1)].sort(), [3, 7]),
    );
    // Two methods of one frame.
    await page.getByTestId("pane-method").nth(1).selectOption("cam");
    const other = await pane(page, 1).locator(".picture-canvases").getAttribute("data-drawn");
    await eventually("the other method", async () => mapOf(program, series, Number(other.split("/").at(-1)), { method: "cam" }));
    await page.getByTestId("compare").click();
    await pane(page, 1).waitFor({ state: "detached" });
  });

  it("exports the map, the picture and the table", async (test) => {
    const page = await openPage(test, browser, program);
    const series = await openItem(page, "a.png", { overlay: true });
    const { values } = await mapOf(program, series);
    const exported = async (what) => {
      await page.getByTestId("export").click();
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByTestId(what).click()]);
      const parts = [];
      for await (const part of await download.createReadStream()) parts.push(part);
      return Buffer.concat(parts);
    };
    const npy = await exported("export-npy");
    assert.equal(npy.subarray(1, 6).toString("latin1"), "NUMPY");
    const floats = npy.subarray(npy.length - 4 * WIDTH * HEIGHT);
    for (const at of [0, 777, values.length - 1]) assert.equal(floats.readFloatLE(at * 4), values[at]);
    const png = readGray16(await exported("export-png"));
    assert.deepEqual([png.width, png.height, png.depth], [WIDTH, HEIGHT, 16]);
    for (const at of [0, 777, values.length - 1]) assert.ok(Math.abs(png.values[at] / 65535 - values[at]) < 1e-4, `${png.values[at]}`);
    const picture = await exported("export-picture");
    assert.deepEqual([picture.readUInt32BE(16), picture.readUInt32BE(20)], [WIDTH, HEIGHT]);
    const csv = (await exported("export-csv")).toString().trim().split(/\r?\n/);
    assert.match(csv[0], /^file,frame,model,kind,method,probability/);
    assert.ok(csv.some((line) => line.includes("a.png") && line.includes("tiles")));
  });
});
