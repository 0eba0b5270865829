// @cornerstonejs/adapters reads segmentations, one for each line of standard input, for by_cornerstone.py.
//
// A line in: {path, images: [{uid, position}], rows, columns, spacing, orientation}. A line out: {error} or {maps, segments};
// a map is a flat list of image index, pixel index, label for each pixel that is not 0.

import fs from "node:fs";
import readline from "node:readline";
import { adaptersSEG } from "@cornerstonejs/adapters";
import { cache, metaData } from "@cornerstonejs/core";

const { createFromDICOMSegBuffer } = adaptersSEG.Cornerstone3D.Segmentation;
let job = null;

function imageIndex(imageId) {
  return Number(String(imageId).split(":")[1]);
}

function metadataOf(kind, imageId) {
  const image = job?.images[imageIndex(imageId)];
  if (!image) {
    return undefined;
  }
  const { rows, columns, spacing, orientation } = job;
  const instance = {
    SOPInstanceUID: image.uid, SOPClassUID: "1.2.840.10008.5.1.4.1.1.2", SeriesInstanceUID: job.series, StudyInstanceUID: "1.2.3",
    Rows: rows, Columns: columns, PixelSpacing: spacing, ImageOrientationPatient: orientation,
    ImagePositionPatient: image.position, FrameOfReferenceUID: "1.2.4", Modality: "CT", NumberOfFrames: 1,
  };
  const modules = {
    instance,
    generalImageModule: { sopInstanceUID: image.uid },
    sopCommonModule: { sopInstanceUID: image.uid, sopClassUID: instance.SOPClassUID },
    generalSeriesModule: { seriesInstanceUID: job.series, modality: "CT" },
    frameModule: { sopInstanceUID: image.uid, frameNumber: 1 },
    imagePlaneModule: {
      frameOfReferenceUID: "1.2.4", rows, columns, imageOrientationPatient: orientation,
      rowCosines: orientation.slice(0, 3), columnCosines: orientation.slice(3), imagePositionPatient: image.position,
      pixelSpacing: spacing, rowPixelSpacing: spacing[0], columnPixelSpacing: spacing[1],
    },
    imagePixelModule: {
      bitsAllocated: 16, bitsStored: 16, highBit: 15, samplesPerPixel: 1, photometricInterpretation: "MONOCHROME2",
      pixelRepresentation: 0, rows, columns,
    },
  };
  return modules[kind];
}

function labelled(images) {
  const pixels = [];
  images.forEach((image, index) => {
    const labels = image.voxelManager?.getScalarData?.() ?? image.getPixelData();
    labels.forEach((label, pixel) => label && pixels.push(index, pixel, label));
  });
  return pixels;
}

async function read() {
  cache.purgeCache();
  const file = fs.readFileSync(job.path);
  const buffer = file.buffer.slice(file.byteOffset, file.byteOffset + file.length);
  const imageIds = job.images.map((_, index) => `image:${index}`);
  const found = await createFromDICOMSegBuffer(imageIds, buffer, { metadataProvider: { get: metadataOf } });
  if (!found) {
    return { error: "nothing is returned" };
  }
  const segments = (found.segMetadata.data ?? []).filter(Boolean).map((item) => [
    item.SegmentNumber, item.SegmentLabel, [item.SegmentedPropertyTypeCodeSequence].flat()[0].CodeValue,
  ]);
  return { maps: found.labelMapImages.map(labelled), segments };
}

metaData.addProvider(metadataOf, 10000);
for (const silent of ["log", "warn", "error", "info", "debug"]) {
  console[silent] = () => {};
}
for await (const line of readline.createInterface({ input: process.stdin })) {
  job = JSON.parse(line);
  const told = await read().catch((error) => ({ error: String(error?.message ?? error) }));
  process.stdout.write(`@${JSON.stringify(told)}\n`);
}
