// Opens cases in the real OHIF and writes down what it shows: node drive.mjs JOB.json
// The job: { address, way, cases: [{ id, study, files: [path], segmentations: [{ id, sop }] }], out, chromium, seconds }.
// `save`: OHIF also saves what it shows, beside the answers. The way is "local" (its /local page is given the files) or "orthanc" (its server has the study).
import fs from 'node:fs';
import { chromium } from 'playwright-core';

const job = JSON.parse(fs.readFileSync(process.argv[2], 'utf-8'));
const FLAGS = [
  '--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist', '--disable-quic',
  '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
];
const YES = '[data-cy="yes-hydrate-btn"],[data-cy="yes-hydration-btn"]';

// Keeps every message that OHIF shows for a moment, and spares us its tour.
const rememberMessages = () => {
  try { localStorage.setItem('shownTours', JSON.stringify(['basicViewerTour'])); } catch { /* about:blank has none */ }
  window.messages = [];
  setInterval(() => {
    for (const element of document.querySelectorAll('[data-sonner-toast],[role=alert],[role=alertdialog]')) {
      const text = (element.innerText || '').replace(/\s*\n\s*/g, ' / ').trim();
      if (text && !window.messages.includes(text)) window.messages.push(text);
    }
  }, 120);
};

// What the page holds of one segmentation: labels by image, names, colors.
const shownOf = id => {
  const state = window.cornerstoneTools.segmentation.state.getSegmentation(id);
  if (!state) return null;
  const base64 = bytes => {
    let text = '';
    for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
    return btoa(text);
  };
  const labelMap = state.representationData?.Labelmap || {};
  const layers = labelMap.labelmaps || labelMap.layers;
  const imageIds = layers ? Object.values(layers).flatMap(layer => layer.imageIds || []) : labelMap.imageIds || [];
  const planes = [];
  for (const imageId of imageIds) {
    const image = window.cornerstone.cache.getImage(imageId);
    if (!image) continue;
    const labels = image.voxelManager?.getScalarData?.() || image.getPixelData();
    if (!labels.some(label => label > 0)) continue;
    planes.push({
      image: window.cornerstone.metaData.get('instance', image.referencedImageId)?.SOPInstanceUID,
      rows: image.rows, columns: image.columns, labels: base64(new Uint8Array(new Uint16Array(labels).buffer)),
    });
  }
  const viewport = window.services.viewportGridService.getState().activeViewportId;
  const segments = Object.entries(state.segments || {}).map(([number, segment]) => {
    let color = null;
    try {
      color = [...window.cornerstoneTools.segmentation.config.color.getSegmentIndexColor(viewport, id, +number)];
    } catch { /* it is not drawn */ }
    return { number: +number, name: segment.label, color };
  });
  return { planes, segments };
};

const displaySets = page => page.evaluate(() => window.services.displaySetService.getActiveDisplaySets()
  .filter(set => set.Modality === 'SEG')
  .map(set => ({
    id: set.displaySetInstanceUID, sop: set.instances?.[0]?.SOPInstanceUID ?? set.SOPInstanceUID,
    description: set.SeriesDescription,
  })));

async function giveFiles(page, one) {
  await page.goto(`${job.address}/local`);
  const input = page.locator('input[type=file]').first();
  await input.waitFor({ state: 'attached', timeout: job.seconds * 1000 });
  await page.waitForTimeout(1000);
  await input.setInputFiles(one.files);
  await page.waitForURL(/dicomlocal/, { timeout: job.seconds * 1000 });
  await page.waitForTimeout(1500);
  await page.evaluate(study => {
    window.history.pushState({}, '', `/viewer/dicomlocal?StudyInstanceUIDs=${study}`);
    window.dispatchEvent(new PopStateEvent('popstate', { state: {} }));
  }, one.study);
}

async function open(page, one) {
  if (job.way === 'local') await giveFiles(page, one);
  else await page.goto(`${job.address}/viewer?StudyInstanceUIDs=${one.study}`, { timeout: job.seconds * 1000 });
  await page.waitForFunction(
    () => window.cornerstone && document.querySelector('canvas')
      && window.services?.displaySetService?.getActiveDisplaySets?.().some(set => set.Modality === 'SEG'),
    null, { timeout: job.seconds * 1000, polling: 300 });
  await page.waitForTimeout(3000);
}

// A message of the file before may come late: wait until none is on the page.
async function waitForSilence(page) {
  for (let waited = 0; waited < 15000; waited += 500) {
    if (!await page.locator('[data-sonner-toast]').count()) return;
    await page.waitForTimeout(500);
  }
}

async function show(page, set) {
  await page.waitForTimeout(1500);
  await waitForSilence(page);
  await page.evaluate(() => {
    window.messages = [];
    for (const one of window.cornerstoneTools.segmentation.state.getSegmentations() || []) {
      try { window.services.segmentationService.remove(one.segmentationId); } catch { /* it went by itself */ }
    }
  });
  const escaped = set.description.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const thumbnail = page.locator('[data-cy^="study-browser-thumbnail"]')
    .filter({ hasText: new RegExp(`SEG\\s*${escaped}\\s*S:`) }).first();
  await thumbnail.scrollIntoViewIfNeeded({ timeout: 10000 }).catch(() => {});
  await thumbnail.dblclick({ timeout: 15000 });
  const end = Date.now() + job.seconds * 1000;
  let state = '';
  let complaints = 0;
  while (!state && Date.now() < end) {
    await page.waitForTimeout(250);
    state = await page.evaluate(id => {
      const set = window.services.displaySetService.getDisplaySetByUID(id);
      if (window.cornerstoneTools.segmentation.state.getSegmentation(id) && set?.isLoaded) return 'loaded';
      return window.messages.some(text => /fail|error|not (yet )?support/i.test(text)) ? 'message' : '';
    }, set.id);
    if (state === 'message' && ++complaints < 16) state = '';
  }
  await page.waitForTimeout(900);
  const yes = page.locator(YES);
  if (await yes.count()) {
    await yes.first().click().catch(() => {});
    await page.waitForTimeout(2000);
  }
  return state || 'timeout';
}

// What the panel's menu does for "Download DICOM SEG".
async function save(page, id, path) {
  const [download] = await Promise.all([
    page.waitForEvent('download', { timeout: job.seconds * 1000 }),
    page.evaluate(
      segmentationId => window.commandsManager.runCommand('downloadSegmentation', { segmentationId }), id),
  ]);
  await download.saveAs(path);
}

async function look(context, one) {
  const page = await context.newPage();
  const found = { case: one.id, shown: [] };
  const errors = [];
  page.on('pageerror', error => errors.push(String(error).slice(0, 300)));
  page.on('console', message => message.type() === 'error' && errors.push(message.text().slice(0, 300)));
  try {
    await open(page, one);
    const sets = await displaySets(page);
    for (const wanted of one.segmentations) {
      const set = sets.find(candidate => candidate.sop === wanted.sop);
      if (!set) { found.shown.push({ ...wanted, state: 'not listed' }); continue; }
      errors.length = 0;
      const entry = { ...wanted };
      try {
        entry.state = await show(page, set);
        entry.content = await page.evaluate(shownOf, set.id);
        entry.messages = await page.evaluate(() => window.messages);
        if (job.save && entry.content) {
          entry.saved = await save(page, set.id, `${job.out}/${one.id}-${wanted.id}-saved.dcm`)
            .then(() => 'saved', error => String(error).slice(0, 200));
        }
      } catch (error) { entry.state = `failed: ${String(error).slice(0, 200)}`; }
      entry.errors = [...new Set(errors)].slice(0, 3);
      await page.screenshot({ path: `${job.out}/${one.id}-${wanted.id}.png` }).catch(() => {});
      found.shown.push(entry);
    }
  } catch (error) {
    found.error = String(error).slice(0, 400);
    await page.screenshot({ path: `${job.out}/${one.id}-failed.png` }).catch(() => {});
  }
  await page.close();
  fs.writeFileSync(`${job.out}/${one.id}.json`, JSON.stringify(found));
  console.log(one.id, found.error || `${found.shown.length} looked at`);
}

const profile = fs.mkdtempSync(`${job.out}/profile-`);
const context = await chromium.launchPersistentContext(profile, {
  executablePath: job.chromium, headless: true, viewport: { width: 1400, height: 850 }, args: FLAGS,
});
await context.addInitScript(rememberMessages);
for (const one of job.cases) await look(context, one);
await context.close();
fs.rmSync(profile, { recursive: true, force: true });
