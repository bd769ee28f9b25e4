// The page in a browser, and what a test sees of it.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { readPng } from "./files.js";
import { atEnd, eventually, PATIENCE } from "./waiting.js";

/** Waits with the test, so that a browser that does not start fails it. */
export async function startBrowser(test) {
  const browser = await chromium.launch({
    executablePath: process.env.LENS_CHROMIUM ?? "/usr/bin/chromium",
    timeout: PATIENCE,
    args: [
      "--no-sandbox",
      "--disable-dev-shm-usage",
      "--force-color-profile=srgb",
      // WebGL without a graphics processor.
      "--use-angle=swiftshader",
      "--enable-unsafe-swiftshader",
      // No name leads anywhere: what the page asks of others fails, and is told.
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ],
  });
  atEnd(test, () => browser.close());
  return browser;
}

/**
 * Opens the page of a program and waits until it has begun. When the test ends, nothing must have gone to another origin, and
 * nothing been reported in the console but what one of `expected` describes.
 */
export async function openPage(test, browser, program, { renderer, expected = [], ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1600, height: 1000 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE / 2);
  const origin = new URL(program.address).origin;
  const wrong = [];
  const told = (what) => expected.some((one) => one.test(what)) || wrong.push(what);
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && !(url.protocol === "blob:" && url.href.startsWith(`blob:${origin}/`))) {
      told(`request to ${request.url()}`);
    }
  });
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) told(`console ${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => told(`error: ${error.stack}`));
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) =>
      console.error(`content security policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`),
    );
  });
  atEnd(test, async () => {
    await context.close({ runBeforeUnload: false });
    assert.deepEqual(wrong, [], "what the page reported");
  });
  await page.goto(program.address + (renderer ? `?renderer=${renderer}` : ""));
  await page.getByTestId("list").waitFor();
  return page;
}

export const item = (page, name) => page.locator(`[data-testid=item][data-name$="${name}"]`);
export const pane = (page, at = 0) => page.getByTestId(`pane-${at}`);
export const picture = (page, at = 0) => pane(page, at).locator(".picture");
const canvases = (page, at = 0) => pane(page, at).locator(".picture-canvases");

/** Waits until a pane shows this frame, with its heatmap or without one as `overlay` says (where it does). */
export async function drawn(page, series, frame = 0, { at = 0, overlay } = {}) {
  let selector = `[data-testid=pane-${at}] .picture-canvases[data-drawn="${series}/${frame}"]`;
  if (overlay !== undefined) selector += `[data-overlay="${overlay}"]`;
  await page.locator(selector).waitFor({ state: "attached" });
}

/** Opens an image of the list; returns its series. */
export async function openItem(page, name, options) {
  await item(page, name).click();
  const series = await item(page, name).getAttribute("data-series");
  await drawn(page, series, 0, options);
  return series;
}

/** The frame that a pane's canvas holds. */
export const drawnFrame = async (page, at = 0) =>
  Number((await canvases(page, at).getAttribute("data-drawn")).split("/").at(-1));

export const rendererOf = (page) => canvases(page).getAttribute("data-renderer");

/**
 * What is seen of a pane's canvas, without what is written and outlined over it, as pixels of the screen: RGBA, with the width
 * and height of the canvas.
 */
export async function seen(page, at = 0) {
  await page.evaluate(() => {
    if (document.adoptedStyleSheets.length > 0) return;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(".bare .picture > :not(.picture-canvases) { visibility: hidden !important; }");
    document.adoptedStyleSheets = [sheet];
  });
  await page.evaluate(() => document.documentElement.classList.add("bare"));
  try {
    return readPng(await page.screenshot({ clip: await canvases(page, at).boundingBox(), animations: "disabled", scale: "device" }));
  } finally {
    await page.evaluate(() => document.documentElement.classList.remove("bare"));
  }
}

/**
 * The largest difference between what is seen at 1:1 and pixels of the image: `wanted(x, y)` is red, green and blue. The whole
 * image, or as much of it as is on the pane, is compared.
 */
export function difference(screen, width, height, wanted) {
  const left = Math.round(screen.width / 2 - width / 2);
  const top = Math.round(screen.height / 2 - height / 2);
  let [largest, where, compared] = [0, null, 0];
  for (let y = Math.max(0, -top); y < Math.min(height, screen.height - top); y++) {
    for (let x = Math.max(0, -left); x < Math.min(width, screen.width - left); x++) {
      const at = ((y + top) * screen.width + x + left) * 4;
      const colour = wanted(x, y);
      compared++;
      for (let channel = 0; channel < 3; channel++) {
        const off = Math.abs(screen.data[at + channel] - colour[channel]);
        if (off > largest) [largest, where] = [off, `(${x}, ${y}): ${[...screen.data.subarray(at, at + 3)]}, not ${colour}`];
      }
    }
  }
  assert.ok(compared > 0.4 * width * height, `only ${compared} pixels of ${width} x ${height} are on the pane`);
  return { largest, where };
}

/** Waits until a pane shows the image so at 1:1, within `within` of 255. */
export async function shows(page, what, width, height, wanted, { within = 2, at = 0 } = {}) {
  await eventually(
    `${what} is seen`,
    async () => {
      const { largest, where } = difference(await seen(page, at), width, height, wanted);
      assert.ok(largest <= within, `it differs by ${largest}, the most at ${where}`);
    },
    30_000,
  );
}

/** What the interface says that a frame looks like: the formula of windows, and colour as it is. */
export function asShown({ document, samples }, { window = document.window, inverted = false } = {}) {
  const { width, format, slope, intercept, invert } = document;
  if (format.startsWith("RGB")) {
    const channels = format === "RGB8" ? 3 : 4;
    return (x, y) => samples.subarray((y * width + x) * channels, (y * width + x) * channels + 3);
  }
  const [low, high] = window;
  return (x, y) => {
    const value = samples[y * width + x] * slope + intercept;
    const share = high > low ? Math.min(Math.max((value - low) / (high - low), 0), 1) : Number(value > low);
    const gray = 255 * (invert !== inverted ? 1 - share : share);
    return [gray, gray, gray];
  };
}

export const pixelsOf = ({ width, data }) => (x, y) => data.subarray((y * width + x) * 4, (y * width + x) * 4 + 3);

/** Where a point of the image is on the page, at 1:1 and with the image in the middle. */
export async function onPage(page, width, height, x, y, at = 0) {
  const box = await canvases(page, at).boundingBox();
  return {
    x: box.x + Math.round(Math.round(box.width) / 2 - width / 2) + x,
    y: box.y + Math.round(Math.round(box.height) / 2 - height / 2) + y,
  };
}

/** Gives a file to the page as a drop onto it does. */
export async function drop(page, files) {
  const given = files.map(({ name, bytes }) => ({ name, bytes: bytes.toString("base64") }));
  await page.evaluate((given) => {
    const transfer = new DataTransfer();
    for (const { name, bytes } of given) {
      transfer.items.add(new File([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))], name));
    }
    for (const type of ["dragenter", "dragover", "drop"]) {
      document.body.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
    }
  }, given);
}

/** The heatmap of a frame that the program made with these options, the others being as they are by default; with its values. */
export async function mapOf(program, series, frame = 0, options = {}) {
  const { maps } = await program.json("api/predictions");
  const { options: fields } = await program.state();
  const defaults = { method: "tiles", ...Object.fromEntries(fields.map((field) => [field.name, field.default])) };
  const wanted = { ...defaults, ...options };
  // Options that are as they are by default may be left out.
  const as = (map, name, value) => {
    const is = map.options[name] ?? defaults[name];
    return is === value || (typeof value === "number" && Math.abs(is - value) < 1e-6);
  };
  const found = maps.find(
    (map) => map.series === series && map.frame === frame && Object.entries(wanted).every(([name, value]) => as(map, name, value)),
  );
  assert.ok(found, `there is no map of ${series}/${frame} with ${JSON.stringify(options)}`);
  const info = await program.json(`api/maps/${found.map}`);
  const bytes = await program.bytes(`api/maps/${found.map}/values`);
  return { ...info, values: new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)) };
}
