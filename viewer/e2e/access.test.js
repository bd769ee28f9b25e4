// Who may see the page, what it does when the program is gone, and ending the program from it.

import assert from "node:assert/strict";
import { request } from "node:http";
import { describe, it } from "node:test";
import { folder, model } from "./support/data.js";
import { item, openItem, openPage, startBrowser } from "./support/page.js";
import { startProgram } from "./support/program.js";

const status = (address, headers) =>
  new Promise((resolve, reject) => {
    request(address, { headers }, (answer) => resolve(answer.resume().statusCode)).on("error", reject).end();
  });

describe("access", () => {
  it("needs the token, the host's name and the page's origin", async (test) => {
    const browser = await startBrowser(test);
    const program = await startProgram(test, [folder()]);
    const { origin, host, pathname } = new URL(program.address);
    for (const path of ["/", `/${"0".repeat(32)}/`, `/${"0".repeat(32)}/api/state`, `${pathname.slice(0, -2)}/`]) {
      assert.equal(await status(origin + path), 403, path);
    }
    assert.equal(await status(program.address), 200);
    assert.equal(await status(program.address, { Host: "evil.example" }), 403);
    assert.equal(await status(program.address, { Origin: "http://evil.example" }), 403);
    assert.equal(await status(program.address, { Origin: `http://${host}` }), 200);
    const page = await browser.newPage();
    const answer = await page.goto(`${origin}/${"0".repeat(32)}/`);
    assert.equal(answer.status(), 403);
    assert.match(await page.innerText("body"), /token/);
    const policy = (await fetch(program.address)).headers.get("content-security-policy");
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe/);
  });

  it("the page says that the program is gone", async (test) => {
    const browser = await startBrowser(test);
    const program = await startProgram(test, [folder()], { models: [model()] });
    const page = await openPage(test, browser, program, { expected: [/net::ERR_/] });
    await openItem(page, "a.png");
    program.mayBeGone = true;
    program.process.kill("SIGKILL");
    await program.ended;
    await item(page, "d.png").click();
    await page.getByTestId("gone").waitFor();
    await page.getByText("does not answer; it may have ended").first().waitFor();
  });

  it("the page ends the program", async (test) => {
    const browser = await startBrowser(test);
    const program = await startProgram(test, [folder()]);
    const page = await openPage(test, browser, program);
    await page.getByTestId("quit").click();
    await page.getByTestId("quit-confirm").click();
    await page.getByTestId("ended").waitFor();
    assert.deepEqual(await program.ended, { code: 0, signal: null });
  });
});
