import { useMemo } from 'react';

import { duration } from '../../ui/format';
import styles from './Waveform.module.css';
import { peaks, type Wav } from './wav';

/** Bars of a waveform. */
const STEPS = 320;
/** Height of a lane, and of what silence leaves of it, in its own units. */
const [HEIGHT, LEAST] = [100, 2];
/** Who is heard on which channel. */
const SIDES = ['Callee', 'Our side'];

/** How loud each side was, over time; a slider over all of it says and sets where one listens. */
export function Waveform({ wav, at, onSeek }: { wav: Wav; at: number; onSeek: (seconds: number) => void }) {
  const lanes = useMemo(
    () => Array.from({ length: wav.channels }, (_, channel) => bars(peaks(wav, channel, STEPS))),
    [wav],
  );
  const heard = wav.seconds === 0 ? 0 : (at / wav.seconds) * 100;
  return (
    <div className={styles.waveform}>
      {lanes.map((path, channel) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a channel is known by its number
        <div key={channel} className={styles.lane}>
          {lanes.length > 1 && <span className={styles.side}>{SIDES[channel] ?? `Channel ${channel + 1}`}</span>}
          <svg viewBox={`0 0 ${STEPS} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
            <path d={path} className={styles.ahead} />
            <path d={path} className={styles.heard} style={{ clipPath: `inset(0 ${100 - heard}% 0 0)` }} />
          </svg>
        </div>
      ))}
      <input
        type="range"
        className={styles.slider}
        aria-label="Place in the recording"
        aria-valuetext={`${duration(at * 1000)} of ${duration(wav.seconds * 1000)}`}
        min={0}
        max={wav.seconds}
        step={0.1}
        value={at}
        onChange={(event) => onSeek(Number(event.target.value))}
      />
      <span className={styles.cursor} style={{ left: `${heard}%` }} aria-hidden />
    </div>
  );
}

function bars(loudness: readonly number[]): string {
  return loudness
    .map((peak, i) => {
      // Speech is far below the loudest there can be; the root shows it as loud as it sounds.
      const half = Math.max(Math.sqrt(peak) * (HEIGHT / 2), LEAST);
      return `M${i + 0.5} ${HEIGHT / 2 - half}V${HEIGHT / 2 + half}`;
    })
    .join('');
}
