import { expect, test } from 'vitest';

import { peaks, readWav } from './wav';

/** A file of two channels at 4 Hz, with a chunk before the audio that nobody knows. */
function file(samples: readonly number[], told = samples.length * 2): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(56 + samples.length * 2));
  const text = (at: number, word: string) => {
    for (let i = 0; i < word.length; i += 1) view.setUint8(at + i, word.charCodeAt(i));
  };
  text(0, 'RIFF');
  text(8, 'WAVE');
  text(12, 'fmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 2, true);
  view.setUint32(24, 4, true);
  view.setUint16(34, 16, true);
  text(36, 'LIST');
  view.setUint32(40, 3, true);
  text(48, 'data');
  view.setUint32(52, told, true);
  samples.forEach((sample, i) => {
    view.setInt16(56 + i * 2, sample, true);
  });
  return view.buffer;
}

test('a recording is read with its channels and its length', () => {
  const wav = readWav(file([16_384, 0, 0, -32_768, 0, 8_192, 0, 0]));
  expect(wav?.seconds).toBe(1);
  expect(wav && [peaks(wav, 0, 2), peaks(wav, 1, 2)]).toEqual([
    [0.5, 0],
    [1, 0.25],
  ]);
});

test('one that was cut short is read as far as it goes, and another thing not at all', () => {
  expect(readWav(file([1, 2, 3, 4], 4_000))?.samples).toHaveLength(4);
  expect(readWav(new ArrayBuffer(3))).toBeNull();
  expect(readWav(new TextEncoder().encode('hello, this is no audio').buffer)).toBeNull();
});

test('more steps than samples leave gaps of silence', () => {
  const wav = readWav(file([16_384, 0]));
  expect(wav && peaks(wav, 0, 3).filter((peak) => peak > 0)).toEqual([0.5]);
});
