/** Audio as Ringfleet records it: WAV, 16 bit, the callee left and our side right. */
export interface Wav {
  channels: number;
  seconds: number;
  /** All channels in turn. */
  samples: Int16Array;
}

const FOUR = 4;
/** Of the header of a chunk: its name and its length. */
const HEAD = 8;

/** Reads a WAV file of 16 bit; null where it is none. One cut short is read as far as it goes. */
export function readWav(file: ArrayBuffer): Wav | null {
  const view = new DataView(file);
  const name = (at: number) => String.fromCharCode(...new Uint8Array(file, at, FOUR));
  if (file.byteLength < 12 || name(0) !== 'RIFF' || name(8) !== 'WAVE') return null;
  let format: { channels: number; rate: number } | null = null;
  for (let at = 12; at + HEAD <= file.byteLength; ) {
    const length = view.getUint32(at + FOUR, true);
    const body = at + HEAD;
    if (name(at) === 'fmt ') {
      const isPcm16 = view.getUint16(body, true) === 1 && view.getUint16(body + 14, true) === 16;
      if (!isPcm16) return null;
      format = { channels: view.getUint16(body + 2, true), rate: view.getUint32(body + 4, true) };
    }
    if (name(at) === 'data' && format) {
      const frame = 2 * format.channels;
      const frames = Math.floor(Math.min(length, file.byteLength - body) / frame);
      const samples = new Int16Array(file.slice(body, body + frames * frame));
      return { channels: format.channels, seconds: frames / format.rate, samples };
    }
    at = body + length + (length % 2);
  }
  return null;
}

/** How loud one channel is over time, in so many steps: the loudest sample of each, from 0 to 1. */
export function peaks({ channels, samples }: Wav, channel: number, steps: number): number[] {
  const frames = samples.length / channels;
  return Array.from({ length: steps }, (_, step) => {
    const from = Math.floor((step * frames) / steps);
    const to = Math.floor(((step + 1) * frames) / steps);
    let most = 0;
    for (let frame = from; frame < to; frame += 1) {
      most = Math.max(most, Math.abs(samples[frame * channels + channel] ?? 0));
    }
    return most / 32_768;
  });
}
