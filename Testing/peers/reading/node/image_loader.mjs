// @cornerstonejs/dicom-image-loader decodes frames, a file for each line of standard input, for by_cornerstone.py.
//
// A line in: {path}. A line out: {error} or {frames}, each the list of pixel index, value for each pixel that is not 0.

import fs from "node:fs";
import readline from "node:readline";
import getPixelData from "esm/imageLoader/wadouri/getPixelData.js";
import { parseDicom } from "esm/imageLoader/wadouri/parseDicomWithInflater.js";
import { decodeImageFrame } from "esm/decodeImageFrameWorker.js";

async function decoded(dataSet, index) {
  const imageFrame = {
    rows: dataSet.uint16("x00280010"),
    columns: dataSet.uint16("x00280011"),
    bitsAllocated: dataSet.uint16("x00280100"),
    bitsStored: dataSet.uint16("x00280101"),
    samplesPerPixel: 1,
    pixelRepresentation: 0,
    photometricInterpretation: "MONOCHROME2",
  };
  const syntax = dataSet.string("x00020010");
  const options = { preScale: { enabled: false } };
  const frame = await decodeImageFrame(imageFrame, syntax, getPixelData(dataSet, index), {}, options);
  const pixels = [];
  frame.pixelData.forEach((value, pixel) => value && pixels.push(pixel, value));
  return pixels;
}

async function read(path) {
  const dataSet = parseDicom(new Uint8Array(fs.readFileSync(path)));
  const frames = [];
  for (let index = 0; index < dataSet.intString("x00280008"); index += 1) {
    frames.push(await decoded(dataSet, index));
  }
  return { frames };
}

for (const silent of ["log", "warn", "error", "info", "debug"]) {
  console[silent] = () => {};
}
for await (const line of readline.createInterface({ input: process.stdin })) {
  const told = await read(JSON.parse(line).path).catch((error) => ({ error: String(error?.message ?? error) }));
  process.stdout.write(`@${JSON.stringify(told)}\n`);
}
