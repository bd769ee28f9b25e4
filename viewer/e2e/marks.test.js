// What a reader says, and the data set that becomes of it.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { folder, HEIGHT, model, run, temporary, WIDTH } from "./support/data.js";
import { readCsv } from "./support/files.js";
import { onPage, openItem, openPage, startBrowser } from "./support/page.js";
import { startProgram } from "./support/program.js";
import { eventually, suite } from "./support/waiting.js";

describe("marks", () => {
  const whole = suite(after);
  let browser, program, marks;
  before(async () => {
    marks = join(temporary(), "marks");
    browser = await startBrowser(whole);
    program = await startProgram(whole, [folder()], { models: [model()], marks });
  });

  async function drawBox(page, [left, top, right, bottom]) {
    await page.getByTestId("one-to-one").click();
    await page.getByTestId("tool").locator('[data-value="box"]').click();
    const from = await onPage(page, WIDTH, HEIGHT, left, top);
    const to = await onPage(page, WIDTH, HEIGHT, right, bottom);
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move((from.x + to.x) / 2, to.y, { steps: 3 });
    await page.mouse.move(to.x, to.y, { steps: 3 });
    await page.mouse.up();
  }

  it("boxes are drawn, calls confirmed and corrected, saved, and read by the other commands", async (test) => {
    const page = await openPage(test, browser, program);
    const wanted = {};
    for (const [name, box] of [["a.png", [40, 30, 80, 70]], ["c.png", [130, 95, 175, 130]], ["b.png", null], ["d.png", null]]) {
      const series = await openItem(page, name);
      await page.locator(`[data-testid=call][data-series="${series}"]`).waitFor();
      const positive = (await page.getByTestId("verdict").innerText()) === "Positive";
      const mark = positive === (box !== null) ? "confirm" : "correct";
      await page.getByTestId(mark).click();
      await page.locator(`[data-testid=${mark}][aria-pressed=true]`).waitFor();
      wanted[name] = box === null ? "0" : "1";
      if (box) await drawBox(page, box);
      await eventually(`the mark of ${name}`, async () => {
        const kept = (await program.json("api/marks")).marks.find((one) => one.series === series);
        assert.equal(String(kept?.label), wanted[name]);
        assert.equal(kept.boxes.length, box ? 1 : 0);
      });
    }
    const { saved } = await program.json("api/marks");
    assert.equal(saved, false);
    await page.getByTestId("save-marks").click();
    await page.getByTestId("message-note").filter({ hasText: "Saved 4 labels and 2 boxes of 4 images" }).waitFor();

    const labels = readCsv(join(marks, "labels.csv"));
    const [file, label] = Object.keys(labels[0]);
    assert.deepEqual(Object.fromEntries(labels.map((row) => [row[file], row[label]])), wanted);
    for (const name of Object.keys(wanted)) assert.ok(existsSync(join(marks, "images", name)), name);
    const boxes = readCsv(join(marks, "boxes.csv"));
    assert.deepEqual(boxes.map(({ filename }) => filename).sort(), ["a.png", "c.png"]);
    const { x, y, width, height } = boxes.find(({ filename }) => filename === "a.png");
    [[x, 40], [y, 30], [width, 40], [height, 40]].forEach(([is, was]) => assert.ok(Math.abs(is - was) <= 1, `${x} ${y} ${width} ${height}`));

    const located = JSON.parse(run("localize", "--model", model(), "--data", marks, "--json", "--quiet", "--device", "cpu"));
    assert.ok(JSON.stringify(located).includes('"images":2'), JSON.stringify(located).slice(0, 400));
    const evaluated = run("evaluate", "--model", model(), "--data", marks, "--json", "--quiet", "--device", "cpu");
    assert.ok(JSON.parse(evaluated));
  });

  it("marks are there when the page is opened again, and can be taken away", async (test) => {
    const page = await openPage(test, browser, program);
    const series = await openItem(page, "a.png");
    await page.locator('[data-outline="own"]').waitFor({ state: "attached" });
    await page.getByRole("button", { name: "Remove box 1" }).click();
    await page.getByTestId("unmark").click();
    await eventually("the mark is gone", async () =>
      assert.ok(!(await program.json("api/marks")).marks.some((one) => one.series === series)),
    );
    await page.locator('[data-outline="own"]').waitFor({ state: "detached" });
  });
});
