// What the tests look at: images that are made here, real ones where they are, and a model.

import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { writeColour, writeDicom, writeGray } from "./files.js";

export const root = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
export const program = resolve(root, process.env.LENS_PROGRAM ?? "target/release/lesionlens");
/** Screenshots and what was measured. */
export const pictures = join(root, "target/viewer");
mkdirSync(pictures, { recursive: true });

/** Says that something was not tested, also at the end of `make test`. */
export function leaveOut(test, what) {
  const line = `left out: lesionlens view in a browser: ${what}`;
  console.log(line);
  if (process.env.LENS_LEFT_OUT) appendFileSync(process.env.LENS_LEFT_OUT, `${line}\n`);
  test?.skip(what);
}

/** A path in ../shared/data; null, and the test is left out, where it is missing. */
export function real(test, name) {
  const path = join(root, "../shared/data", name);
  if (existsSync(path)) return path;
  leaveOut(test, `${test.name} (there is no ../shared/data/${name})`);
  return null;
}

/** A directory that is removed when the process ends. */
export function temporary() {
  const directory = mkdtempSync(join(tmpdir(), "lesionlens-viewer-"));
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export const run = (...values) => execFileSync(program, values.map(String), { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

/** Texture that is nowhere the same. */
const ground = (x, y, seed) => 90 + ((x * 7 + y * 13 + seed * 29 + ((x * y) >> 3)) % 40);
/** A dark disk on it is what the model looks for. */
const spotted = (seed, [left, top]) => (x, y) => ((x - left) ** 2 + (y - top) ** 2 < 100 ? 20 : ground(x, y, seed));

const SIDE = 64;

/** A model that tells tiles with a dark disk from those without, to some degree; made once in a run of the tests. */
export function model() {
  const made = process.env.LENS_VIEWER_MODEL;
  if (made && existsSync(made)) return made;
  const directory = temporary();
  for (const [part, count] of [["train", 48], ["val", 8]]) {
    const lines = ["patch_filename,stenoza_label"];
    for (let index = 0; index < count; index++) {
      const [name, seed] = [`${index}.png`, index + (part === "val" ? 100 : 0)];
      const disk = [20 + ((seed * 7) % 24), 20 + ((seed * 11) % 24)];
      const value = index % 2 ? spotted(seed, disk) : (x, y) => ground(x, y, seed);
      writeGray(join(directory, part, "images", name), SIDE, SIDE, value);
      lines.push(`${name},${index % 2}`);
    }
    writeFileSync(join(directory, part, "labels.csv"), `${lines.join("\n")}\n`);
  }
  const path = made ?? join(directory, "model.safetensors");
  mkdirSync(dirname(path), { recursive: true });
  const options = ["--epochs", 12, "--batch", 8, "--size", 32, "--lr", "1e-3", "--seed", 3, "--device", "cpu", "--quiet"];
  run("train", "--train", join(directory, "train"), "--val", join(directory, "val"), "--out", path, ...options);
  return path;
}

/** Where the disk of each picture is; null: there is none. */
export const DISKS = { "a.png": [60, 50], "b.png": null, "c.png": [150, 110], "d.png": null };
export const [WIDTH, HEIGHT] = [200, 160];
/** The gray of each frame of the cine, so that pixels say which it is. */
export const cineGray = (frame) => 20 + frame * 5;
export const CINE_FRAMES = 40;

/** A folder of pictures with labels.csv and boxes.csv, and a cine, a 10-bit and an inverted DICOM file. */
export function folder() {
  const directory = temporary();
  const labels = ["patch_filename,stenoza_label"];
  const boxes = ["filename,x,y,width,height"];
  Object.entries(DISKS).forEach(([name, disk], at) => {
    const value = disk ? spotted(at, disk) : (x, y) => ground(x, y, at);
    writeGray(join(directory, "pictures/images", name), WIDTH, HEIGHT, value);
    labels.push(`${name},${disk ? 1 : 0}`);
    if (disk) boxes.push(`${name},${disk[0] - 12},${disk[1] - 12},24,24`);
  });
  writeFileSync(join(directory, "pictures/labels.csv"), `${labels.join("\n")}\n`);
  writeFileSync(join(directory, "pictures/boxes.csv"), `${boxes.join("\n")}\n`);
  writeGray(join(directory, "other/sixteen.png"), 120, 100, (x, y) => (x * 523 + y * 127) % 65536, 16);
  writeColour(join(directory, "other/colour.png"), 120, 100, (x, y) => [x * 2, y * 2, (x * y) % 256]);
  writeDicom(join(directory, "other/cine.dcm"), {
    width: 96,
    height: 96,
    frames: CINE_FRAMES,
    rate: 15,
    uid: "11",
    value: (x, y, frame) => (x < 48 ? cineGray(frame) : ground(x, y, frame)),
  });
  const tenBits = { width: 130, height: 110, bits: 10, window: [500, 601], value: (x, y) => (x * 7 + y * 3) % 1024 };
  writeDicom(join(directory, "other/ten-bits.dcm"), { ...tenBits, uid: "12" });
  writeDicom(join(directory, "other/monochrome1.dcm"), { ...tenBits, uid: "13", photometric: "MONOCHROME1", modality: "CR" });
  writeFileSync(join(directory, "other/broken.png"), "This is no picture.");
  return directory;
}
