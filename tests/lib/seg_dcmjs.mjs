// What dcmjs and dcmqi (as @itk-wasm/dicom) read of a SEG of tests/tools/write_seg.c, with rows * columns a
// multiple of 8: node seg_dcmjs.mjs NODE_MODULES SEG OBJECTS [itk]. Prints what differs, then the labels.
import fs from 'fs'
import path from 'path'
import { createRequire } from 'module'

const [modules, file, objects, itk] = [process.argv[2], path.resolve(process.argv[3]), +process.argv[4], process.argv[5]]
const count = (differ, what) => { if (differ) console.log(`${what}: ${differ} pixels differ`) }
// The pattern that write_seg draws: the object at a pixel, or `objects` for none.
const drawn = (x, y, k) => (x + 3 * y + 5 * k) % (objects + 1)

const dcmjs = createRequire(path.join(modules, 'x.js'))('dcmjs')
const bytes = fs.readFileSync(file)
const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
const seg = dcmjs.data.DicomMetaDictionary.naturalizeDataset(dcmjs.data.DicomMessage.readFile(buffer).dict)
const list = (sequence) => Array.isArray(sequence) ? sequence : [sequence]
const first = (sequence) => list(sequence)[0]
const raw = new Uint8Array(first(seg.PixelData))
const pixels = seg.BitsAllocated === 1 ? dcmjs.data.BitArray.unpack(raw) : raw

list(seg.PerFrameFunctionalGroupsSequence).forEach((group, f) => {
  const k = first(group.FrameContentSequence).InStackPositionNumber - 1
  const segment = group.SegmentIdentificationSequence && first(group.SegmentIdentificationSequence).ReferencedSegmentNumber
  let differ = 0
  for (let y = 0, p = f * seg.Rows * seg.Columns; y < seg.Rows; y++)
    for (let x = 0; x < seg.Columns; x++, p++) {
      const o = drawn(x, y, k)
      const want = seg.SegmentationType === 'LABELMAP' ? (o < objects ? o + 1 : 0)
        : o + 1 !== segment ? 0 : seg.SegmentationType === 'FRACTIONAL' ? 1 + (x + y) % 255 : 1
      differ += (pixels[p] ? (seg.BitsAllocated === 1 ? 1 : pixels[p]) : 0) !== want
    }
  count(differ, `dcmjs, frame ${f}`)
})
console.log(list(seg.SegmentSequence).map((s) => s.SegmentLabel).join(', '))

if (itk) {
  console.log = () => {} // dcmqi talks
  const dicom = await import(path.join(modules, '@itk-wasm/dicom/dist/index-node.js'))
  const { segImage, metaInfo } = await dicom.readSegmentationNode(file)
  const [columns, rows, slices] = segImage.size
  let differ = 0
  for (let k = 0, p = 0; k < slices; k++)
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++, p++)
        differ += segImage.data[p] !== (drawn(x, y, k) + 1) % (objects + 1)
  const say = (text) => process.stdout.write(text + '\n')
  if (differ) say(`dcmqi: ${differ} pixels differ`)
  say(`dcmqi: ${columns}x${rows}x${slices} at ${segImage.origin} step ${segImage.spacing}`)
  say('dcmqi: ' + metaInfo.segmentAttributes.flat().map((s) => s.SegmentedPropertyTypeCodeSequence.CodeValue).join(', '))
}
