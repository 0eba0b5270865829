// The page's part of run.py: cornerstone reads a CT series and SEG files of it, and the page shows one on the other.
//
// job.json: {heading, images: [url], windowHu: [low, high], planes: [index], files: [{title, url}]}. The element #found
// gets, for each file, {title, segments: [[number, name]], labels}, the label of every voxel of the series in Base64.
// The title of the document is "read" or, with the reason in #error, "failed".

import dcmjs from "dcmjs";
import { adaptersSEG } from "@cornerstonejs/adapters";
import { cache, metaData } from "@cornerstonejs/core";
import { decodeImageFrame } from "esm/decodeImageFrameWorker.js";
import getPixelData from "esm/imageLoader/wadouri/getPixelData.js";
import { parseDicom } from "esm/imageLoader/wadouri/parseDicomWithInflater.js";

const OPACITY = 0.4;
const images = new Map();

async function fetched(url) {
  const answer = await fetch(url);
  if (!answer.ok) {
    throw new Error(`${url}: ${answer.status}`);
  }
  return answer.arrayBuffer();
}

function numbers(dataSet, tag) {
  return dataSet.string(tag).split("\\").map(Number);
}

async function readImage(url) {
  const dataSet = parseDicom(new Uint8Array(await fetched(url)));
  const imageFrame = {
    rows: dataSet.uint16("x00280010"),
    columns: dataSet.uint16("x00280011"),
    bitsAllocated: dataSet.uint16("x00280100"),
    bitsStored: dataSet.uint16("x00280101"),
    samplesPerPixel: dataSet.uint16("x00280002"),
    pixelRepresentation: dataSet.uint16("x00280103"),
    photometricInterpretation: dataSet.string("x00280004"),
  };
  const options = { preScale: { enabled: false } };
  const frame = await decodeImageFrame(imageFrame, dataSet.string("x00020010"), getPixelData(dataSet, 0), {}, options);
  const slope = dataSet.floatString("x00281053");
  const intercept = dataSet.floatString("x00281052");
  return { dataSet, imageFrame, valuesHu: Array.from(frame.pixelData, (value) => slope * value + intercept) };
}

function metadataOf(kind, imageId) {
  const image = images.get(imageId);
  return image && modulesOf(image)[kind];
}

function modulesOf({ dataSet, imageFrame }) {
  const { rows, columns } = imageFrame;
  const uid = dataSet.string("x00080018");
  const sopClass = dataSet.string("x00080016");
  const series = dataSet.string("x0020000e");
  const study = dataSet.string("x0020000d");
  const frameOfReference = dataSet.string("x00200052");
  const modality = dataSet.string("x00080060");
  const position = numbers(dataSet, "x00200032");
  const orientation = numbers(dataSet, "x00200037");
  const spacing = numbers(dataSet, "x00280030");
  return {
    instance: {
      SOPInstanceUID: uid, SOPClassUID: sopClass, SeriesInstanceUID: series, StudyInstanceUID: study, Modality: modality,
      FrameOfReferenceUID: frameOfReference, Rows: rows, Columns: columns, PixelSpacing: spacing, NumberOfFrames: 1,
      ImageOrientationPatient: orientation, ImagePositionPatient: position,
    },
    generalImageModule: { sopInstanceUID: uid },
    sopCommonModule: { sopInstanceUID: uid, sopClassUID: sopClass },
    generalSeriesModule: { seriesInstanceUID: series, studyInstanceUID: study, modality },
    frameModule: { sopInstanceUID: uid, frameNumber: 1 },
    imagePixelModule: imageFrame,
    imagePlaneModule: {
      frameOfReferenceUID: frameOfReference, rows, columns, imageOrientationPatient: orientation,
      rowCosines: orientation.slice(0, 3), columnCosines: orientation.slice(3), imagePositionPatient: position,
      pixelSpacing: spacing, rowPixelSpacing: spacing[0], columnPixelSpacing: spacing[1],
    },
  };
}

async function readSegmentation({ title, url }) {
  cache.purgeCache();
  const { createFromDICOMSegBuffer } = adaptersSEG.Cornerstone3D.Segmentation;
  const found = await createFromDICOMSegBuffer([...images.keys()], await fetched(url), {
    metadataProvider: { get: metadataOf },
  });
  if (found.labelMapImages.length !== 1) {
    throw new Error(`${title}: ${found.labelMapImages.length} label maps, and this page shows one`);
  }
  const planes = found.labelMapImages[0].map((image) => image.voxelManager.getScalarData());
  return { title, planes, segments: found.segMetadata.data.filter((segment) => segment?.SegmentNumber) };
}

function colorOf(segment) {
  return dcmjs.data.Colors.dicomlab2RGB(segment.RecommendedDisplayCIELabValue).map((part) => Math.round(255 * part));
}

function drawnPlane(image, labels, colors, [lowest, highest]) {
  const { rows, columns } = image.imageFrame;
  const pixels = new ImageData(columns, rows);
  image.valuesHu.forEach((value, index) => {
    const gray = (255 * (value - lowest)) / (highest - lowest);
    const shown = Math.min(255, Math.max(0, gray));
    const color = colors.get(labels[index]);
    const mixed = color ? color.map((part) => (1 - OPACITY) * shown + OPACITY * part) : [shown, shown, shown];
    pixels.data.set([...mixed, 255], 4 * index);
  });
  const canvas = document.createElement("canvas");
  canvas.width = columns;
  canvas.height = rows;
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  canvas.style.transform = towardsReader(numbers(image.dataSet, "x00200037"));
  return canvas;
}

/** The flips that bring the patient's right to the left of the picture, and the front to its top. */
function towardsReader(orientation) {
  return `scale(${orientation[0] < 0 ? -1 : 1}, ${orientation[4] < 0 ? -1 : 1})`;
}

function showRow({ title, planes, segments }, job) {
  const colors = new Map(segments.map((segment) => [Number(segment.SegmentNumber), colorOf(segment)]));
  const heading = document.createElement("h2");
  heading.textContent = title;
  const shown = [...images.values()];
  const canvases = job.planes.map((plane) => drawnPlane(shown[plane], planes[plane], colors, job.windowHu));
  document.getElementById("rows").append(heading, ...canvases);
}

function showLegend(segments) {
  const entries = segments.map((segment) => {
    const entry = document.createElement("span");
    const square = document.createElement("i");
    square.style.background = `rgb(${colorOf(segment).join(" ")})`;
    entry.append(square, segment.SegmentLabel);
    return entry;
  });
  document.getElementById("legend").replaceChildren(...entries);
}

function inBase64(planes) {
  const bytes = planes.flatMap((plane) => Array.from(plane));
  return btoa(bytes.map((byte) => String.fromCharCode(byte)).join(""));
}

async function main() {
  metaData.addProvider(metadataOf, 10000);
  const job = await (await fetch("job.json")).json();
  document.getElementById("heading").textContent = job.heading;
  for (const url of job.images) {
    images.set(`image:${url}`, await readImage(url));
  }
  const files = [];
  for (const file of job.files) {
    files.push(await readSegmentation(file));
  }
  files.forEach((file) => showRow(file, job));
  showLegend(files[0].segments);
  const found = files.map(({ title, planes, segments }) => ({
    title,
    segments: segments.map((segment) => [Number(segment.SegmentNumber), segment.SegmentLabel]),
    labels: inBase64(planes),
  }));
  document.getElementById("found").textContent = JSON.stringify(found);
  document.title = "read";
}

main().catch((error) => {
  document.getElementById("error").textContent = String(error?.stack ?? error);
  document.title = "failed";
});
