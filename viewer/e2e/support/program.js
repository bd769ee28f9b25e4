// `lesionlens view`, started and ended.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { program } from "./data.js";
import { atEnd, eventually } from "./waiting.js";

export class Program {
  constructor(process, address) {
    this.process = process;
    this.address = address;
    this.ended = new Promise((resolve) => process.on("exit", (code, signal) => resolve({ code, signal })));
  }

  async json(path) {
    const answer = await fetch(new URL(path, this.address));
    assert.equal(answer.status, 200, `${path}: ${await answer.clone().text()}`);
    return answer.json();
  }

  async bytes(path) {
    const answer = await fetch(new URL(path, this.address));
    assert.equal(answer.status, 200, path);
    return Buffer.from(await answer.arrayBuffer());
  }

  state = () => this.json("api/state");

  /** The series whose name ends so. */
  async series(name) {
    const { series } = await this.state();
    const found = series.find((one) => one.name === name || one.name.endsWith(`/${name}`));
    assert.ok(found, `${name} is not among ${series.map((one) => one.name)}`);
    return found;
  }

  /** Samples of a frame as they are stored, and its document. */
  async stored(series, frame = 0) {
    const answer = await fetch(new URL(`api/series/${series}/frames/${frame}/pixels?stored`, this.address));
    assert.equal(answer.status, 200);
    const bytes = await answer.arrayBuffer();
    const document = JSON.parse(answer.headers.get("Lens-Frame"));
    const kinds = { GRAY16: Uint16Array, GRAY_S16: Int16Array, GRAY_F32: Float32Array };
    return { document, samples: new (kinds[document.format] ?? Uint8Array)(bytes) };
  }

  /** Seconds of processor time so far. */
  busy() {
    const fields = readFileSync(`/proc/${this.process.pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  /** Waits until the program computes nothing any more. */
  async idle() {
    let before = { at: performance.now() / 1000, busy: this.busy() };
    await eventually("the program is idle", () => {
      const now = { at: performance.now() / 1000, busy: this.busy() };
      if (now.at - before.at < 0.5) throw new Error("not yet known");
      const share = (now.busy - before.busy) / (now.at - before.at);
      before = now;
      assert.ok(share < 0.1, `${share.toFixed(2)} processors are busy`);
    });
  }

  /** Ends it as Ctrl-C does; fails when it does not end as it should. */
  async stop() {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill("SIGINT");
    const { code, signal } = await this.ended;
    assert.equal(code, 0, `the program ended with ${code ?? signal}`);
  }
}

/** Starts it; it ends with `test`, which may be a suite. */
export async function startProgram(test, files, { models = [], marks = null } = {}) {
  const values = ["view", "--no-open", "--port", "0", "--device", "cpu", "--quiet"];
  for (const model of models) values.push("--model", model);
  if (marks) values.push("--marks", marks);
  const process = spawn(program, [...values, ...files], { stdio: ["ignore", "pipe", "inherit"] });
  const started = await new Promise((resolve, reject) => {
    createInterface({ input: process.stdout }).once("line", resolve);
    process.once("error", reject);
    process.once("exit", (code) => reject(new Error(`lesionlens view ended with ${code} before it gave its address`)));
  });
  assert.match(started, /^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\/$/);
  const running = new Program(process, started);
  atEnd(test, () => running.mayBeGone || running.stop());
  await eventually("all files are read", async () => assert.equal((await running.state()).reading, null));
  return running;
}
