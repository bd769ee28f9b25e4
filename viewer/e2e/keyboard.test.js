// Every key that the help names does what it says.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { CINE_FRAMES, folder, model, temporary } from "./support/data.js";
import { drawn, item, openItem, openPage, pane, picture, startBrowser } from "./support/page.js";
import { startProgram } from "./support/program.js";
import { eventually, suite } from "./support/waiting.js";

describe("keys", () => {
  const whole = suite(after);
  let browser, program, page, cine;
  before(async () => {
    browser = await startBrowser(whole);
    program = await startProgram(whole, [folder()], { models: [model()], marks: temporary() });
    page = await openPage(whole, browser, program);
    cine = (await program.series("cine.dcm")).id;
  });

  const press = (key) => page.keyboard.press(key);
  const is = (what, read, wanted) => eventually(what, async () => assert.deepEqual(await read(), wanted));
  const selected = async () => (await page.locator("[data-testid=item][aria-selected=true]").getAttribute("data-name")).split("/").at(-1);
  const zoom = async () => parseFloat(await pane(page).getByTestId("corner-zoom").innerText());
  const written = () => pane(page).getByTestId("corner-window").innerText();
  const tool = () => page.getByTestId("tool").getAttribute("data-value");
  const opacity = async () => Number(await page.getByTestId("opacity").inputValue());
  const pressed = (testid) => page.getByTestId(testid).getAttribute("aria-pressed");
  const toFrame = async (frame) => {
    await page.getByTestId("slider").fill(String(frame));
    await page.getByTestId("slider").blur();
    await drawn(page, cine, frame);
  };
  const open = async (name) => {
    await openItem(page, name);
    await page.locator("[data-testid=call][data-series]").waitFor();
  };

  /** What the help says of a key, and how it is seen that it does so. */
  const does = {
    "Image before, in the list's order": async () => {
      await open("b.png");
      await press("ArrowUp");
      await is("the image before", selected, "a.png");
    },
    "Next image": async () => {
      await open("a.png");
      await press("ArrowDown");
      await is("the next image", selected, "b.png");
    },
    "Frame before": async () => {
      await open("cine.dcm");
      await toFrame(5);
      await press("ArrowLeft");
      await drawn(page, cine, 4);
    },
    "Next frame": async () => {
      await toFrame(5);
      await press("ArrowRight");
      await drawn(page, cine, 6);
    },
    "First frame": async () => {
      await press("Home");
      await drawn(page, cine, 0);
    },
    "Last frame": async () => {
      await press("End");
      await drawn(page, cine, CINE_FRAMES - 1);
    },
    "Frame with the highest probability": async () => {
      const best = Number(await page.getByTestId("strip").getAttribute("data-best"));
      await toFrame((best + 2) % CINE_FRAMES);
      await press("g");
      await eventually("the best frame", async () => {
        const now = Number(await page.getByTestId("strip").getAttribute("data-best"));
        assert.equal(await pane(page).locator(".picture-canvases").getAttribute("data-drawn"), `${cine}/${now}`);
      });
    },
    "Play, pause": async () => {
      await toFrame(0);
      await press(" ");
      await eventually("it plays", async () => assert.ok(Number(await picture(page).getAttribute("data-playback-shown")) >= 2));
      await press(" ");
      await page.getByTestId("play").and(page.getByLabel("Play")).waitFor();
    },
    "Search the list": async () => {
      await press("/");
      await is("the focus", () => page.evaluate(() => document.activeElement.id), "filter");
      await press("Escape");
      await is("the focus", () => page.evaluate(() => document.activeElement === document.body), true);
    },
    "Open files": async () => {
      const [chooser] = await Promise.all([page.waitForEvent("filechooser"), press("Control+o")]);
      assert.ok(chooser.isMultiple());
    },
    Fit: async () => {
      await open("a.png");
      await press("z");
      await press("f");
      await eventually("it fits", async () => assert.match(await pane(page).getByTestId("corner-zoom").innerText(), /fit/));
    },
    "One image pixel to one of the screen": async () => {
      await press("z");
      await is("1:1", zoom, 100);
    },
    "Zoom in": async () => {
      await press("z");
      await press("+");
      await is("magnified", zoom, 125);
    },
    "Zoom out": async () => {
      await press("z");
      await press("-");
      await is("made smaller", zoom, 80);
    },
    Invert: async () => {
      await press("i");
      await eventually("inverted", async () => assert.match(await written(), /inverted/));
      await press("i");
      await eventually("as before", async () => assert.doesNotMatch(await written(), /inverted/));
    },
    "Window as the file opens": async () => {
      await open("ten-bits.dcm");
      const opened = await written();
      await page.getByTestId("window-width").fill("77");
      await page.getByTestId("window-width").press("Enter");
      await page.getByTestId("window-width").blur();
      await eventually("another window", async () => assert.match(await written(), /W 77/));
      await press("r");
      await is("the window", written, opened);
    },
    "Window preset": async () => {
      await page.getByTestId("window-width").fill("77");
      await page.getByTestId("window-width").press("Enter");
      await page.getByTestId("window-width").blur();
      await press("1");
      await is("the first preset", written, "C 500 W 601");
    },
    "Dragging moves the image": async () => {
      await press("h");
      await is("the tool", tool, "pan");
    },
    "Dragging draws a box": async () => {
      await press("b");
      await is("the tool", tool, "box");
    },
    "Dragging changes the window": async () => {
      await press("b");
      await press("w");
      await is("the tool", tool, "window");
    },
    "Overlay on, off": async () => {
      await press("o");
      await is("the overlay", () => page.getByTestId("overlay").isChecked(), false);
      await press("o");
      await is("the overlay", () => page.getByTestId("overlay").isChecked(), true);
    },
    "Less opaque": async () => {
      const before = await opacity();
      await press("[");
      await eventually("less opaque", async () => assert.ok((await opacity()) < before));
    },
    "More opaque": async () => {
      const before = await opacity();
      await press("]");
      await eventually("more opaque", async () => assert.ok((await opacity()) > before));
    },
    "Next method": async () => {
      const words = (await program.state()).methods.map(({ word }) => word);
      for (const word of [...words.slice(1), words[0]]) {
        await press("m");
        await is("the method", () => page.getByTestId("method").getAttribute("data-value"), word);
      }
    },
    "Next tile that stands out": async () => {
      await openItem(page, "c.png", { overlay: true });
      const tiles = page.getByTestId("tiles").locator("[data-tile]");
      await tiles.first().waitFor();
      await press("n");
      await is("the first tile", () => tiles.first().getAttribute("aria-pressed"), "true");
    },
    "Tile before": async () => {
      const tiles = page.getByTestId("tiles").locator("[data-tile]");
      await press("p");
      await is("the last tile", () => tiles.last().getAttribute("aria-pressed"), "true");
    },
    "Confirm the call": async () => {
      await press("y");
      await is("confirmed", () => pressed("confirm"), "true");
    },
    "Correct the call": async () => {
      await press("x");
      await is("corrected", () => pressed("correct"), "true");
      assert.equal(await pressed("confirm"), "false");
    },
    "Save all marks": async () => {
      await press("Control+s");
      await page.getByTestId("message-note").filter({ hasText: "Saved 1 label" }).waitFor();
    },
    "Take the label away": async () => {
      await press("Delete");
      await eventually("no label", async () => assert.deepEqual([await pressed("confirm"), await pressed("correct")], ["false", "false"]));
    },
    "Compute all frames": async () => {
      await open("cine.dcm");
      await page.getByTestId("options").locator("summary").first().click();
      await page.getByTestId("option-stride").fill("1");
      await page.getByTestId("option-stride").press("Enter");
      await page.getByTestId("option-stride").blur();
      await press("a");
      await page.getByTestId("task").waitFor();
    },
    "Cancel what is being computed": async () => {
      await press("Escape");
      await page.getByTestId("task").waitFor({ state: "detached" });
      await is("what is said", () => page.getByTestId("announcement").innerText(), "All frames: stopped.");
    },
    "Classify everything in the list": async () => {
      const { series } = await program.state();
      await press("Shift+A");
      await eventually("all are classified", async () =>
        assert.equal((await program.json("api/predictions")).predictions.length, series.reduce((sum, { frames }) => sum + frames, 0)),
      );
    },
    "Second image beside the first": async () => {
      await press("c");
      await pane(page, 1).waitFor();
    },
    "Link zoom, frame and window of both": async () => {
      await press("l");
      await is("the link", () => pressed("link"), "false");
      await press("l");
      await is("the link", () => pressed("link"), "true");
    },
    "Switch to the other image": async () => {
      assert.equal(await pane(page, 0).getAttribute("data-active"), "true");
      await press("s");
      await is("the active image", () => pane(page, 1).getAttribute("data-active"), "true");
      await press("c");
      await pane(page, 1).waitFor({ state: "detached" });
    },
    "Dark, light, as the system": async () => {
      const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
      assert.equal(await theme(), "dark");
      await press("t");
      await is("the theme", theme, "light");
      await press("t");
      await press("t");
      await is("the theme", theme, "dark");
    },
    "This help": async () => {
      await press("?");
      await page.getByTestId("help").getByRole("heading", { name: "Keys" }).waitFor();
      // A dialog keeps its keys.
      await press("c");
      assert.equal(await pane(page, 1).count(), 0);
      await press("Escape");
      await page.getByTestId("help").waitFor({ state: "hidden" });
    },
  };

  it("all that the help names are tested", async () => {
    await press("?");
    await page.getByTestId("help").waitFor();
    const said = await page.getByTestId("help").locator("dl:not(.plain) dd").allInnerTexts();
    assert.deepEqual(said.toSorted(), Object.keys(does).toSorted());
    await press("Escape");
    await page.getByTestId("help").waitFor({ state: "hidden" });
  });

  for (const [what, test] of Object.entries(does)) it(what, test);

  it("are the text's own in a field", async () => {
    await page.getByTestId("filter").fill("");
    await page.getByTestId("filter").pressSequentially("a?c");
    assert.equal(await page.getByTestId("filter").inputValue(), "a?c");
    assert.equal(await pane(page, 1).count(), 0);
    await page.getByTestId("filter").fill("");
    await item(page, "a.png").waitFor();
  });
});
