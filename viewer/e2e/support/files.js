// Image files for the tests, written and read.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { PNG } from "pngjs";

/** Gray, 8 or 16 bits; `value(x, y)` is a stored one. */
export function writeGray(path, width, height, value, bits = 8) {
  const samples = new (bits === 16 ? Uint16Array : Uint8Array)(width * height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) samples[y * width + x] = value(x, y);
  write(path, width, height, samples, { colorType: 0, inputColorType: 0, inputHasAlpha: false, bitDepth: bits });
}

/** `value(x, y)` is red, green and blue. */
export function writeColour(path, width, height, value) {
  const samples = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) samples.set(value(x, y), (y * width + x) * 3);
  write(path, width, height, samples, { colorType: 2, inputColorType: 2, inputHasAlpha: false });
}

function write(path, width, height, samples, options) {
  const png = new PNG({ width, height, ...options });
  png.data = Buffer.from(samples.buffer);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, PNG.sync.write(png, options));
}

/** RGBA, 8 bits. */
export function readPng(bytes) {
  const { width, height, data } = PNG.sync.read(bytes);
  return { width, height, data };
}

/** One gray sample of each pixel of a 16-bit PNG, as it is stored. */
export function readGray16(bytes) {
  const { width, height, depth, data } = PNG.sync.read(bytes, { skipRescale: true });
  const samples = new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2);
  return { width, height, depth, values: Uint16Array.from({ length: width * height }, (_, at) => samples[at * 4]) };
}

const LONG = new Set(["OB", "OW", "UN", "SQ"]);

function element(tag, representation, value) {
  const pad = representation === "UI" || representation === "OB" ? "\0" : " ";
  let bytes = Buffer.isBuffer(value) ? value : Buffer.from(value, "latin1");
  if (bytes.length % 2) bytes = Buffer.concat([bytes, Buffer.from(pad)]);
  const head = Buffer.alloc(LONG.has(representation) ? 12 : 8);
  head.writeUInt16LE(tag >>> 16, 0);
  head.writeUInt16LE(tag & 0xffff, 2);
  head.write(representation, 4, "latin1");
  if (LONG.has(representation)) head.writeUInt32LE(bytes.length, 8);
  else head.writeUInt16LE(bytes.length, 6);
  return Buffer.concat([head, bytes]);
}

function number(value) {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

/**
 * A DICOM file of gray frames, not compressed (Explicit VR Little Endian); `value(x, y, frame)` is a stored one.
 * `window`: center and width; `rate`: frames per second.
 */
export function writeDicom(
  path,
  { width, height, value, frames = 1, bits = 8, photometric = "MONOCHROME2", window, rate, modality = "XA", uid = "1" },
) {
  const samples = new (bits > 8 ? Uint16Array : Uint8Array)(width * height * frames);
  for (let frame = 0, at = 0; frame < frames; frame++) {
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) samples[at++] = value(x, y, frame);
  }
  const root = "1.2.826.0.1.3680043.8.498";
  const storage = "1.2.840.10008.5.1.4.1.1.12.1";
  const meta = Buffer.concat([
    element(0x00020001, "OB", Buffer.from([0, 1])),
    element(0x00020002, "UI", storage),
    element(0x00020003, "UI", `${root}.${uid}.3`),
    element(0x00020010, "UI", "1.2.840.10008.1.2.1"),
    element(0x00020012, "UI", root),
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(meta.length);
  const parts = [
    element(0x00080016, "UI", storage),
    element(0x00080018, "UI", `${root}.${uid}.3`),
    element(0x00080060, "CS", modality),
    ...(rate ? [element(0x00180040, "IS", String(rate))] : []),
    element(0x0020000d, "UI", `${root}.${uid}.1`),
    element(0x0020000e, "UI", `${root}.${uid}.2`),
    element(0x00200013, "IS", "1"),
    element(0x00280002, "US", number(1)),
    element(0x00280004, "CS", photometric),
    ...(frames > 1 ? [element(0x00280008, "IS", String(frames))] : []),
    element(0x00280010, "US", number(height)),
    element(0x00280011, "US", number(width)),
    element(0x00280100, "US", number(bits > 8 ? 16 : 8)),
    element(0x00280101, "US", number(bits)),
    element(0x00280102, "US", number(bits - 1)),
    element(0x00280103, "US", number(0)),
    ...(window ? [element(0x00281050, "DS", String(window[0])), element(0x00281051, "DS", String(window[1]))] : []),
    element(0x7fe00010, bits > 8 ? "OW" : "OB", Buffer.from(samples.buffer)),
  ];
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(
    path,
    Buffer.concat([Buffer.alloc(128), Buffer.from("DICM"), element(0x00020000, "UL", length), meta, ...parts]),
  );
}

/** Rows of a table with a header, none of whose values is quoted. */
export function readCsv(path) {
  const [header, ...rows] = readFileSync(path, "utf8").trim().split(/\r?\n/).map((line) => line.split(","));
  return rows.map((row) => Object.fromEntries(header.map((name, at) => [name, row[at]])));
}
