import 'uplot/dist/uPlot.min.css';

import { useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';

import styles from './Chart.module.css';
import { exactTime, time } from './format';

/** One line of a chart. */
export interface Series {
  name: string;
  /** A colour of the tokens: `--series-1`. */
  color: `--${string}`;
  /** One value for each time; null where nothing is known. */
  values: readonly (number | null)[];
  /** How a value reads. */
  format: (value: number) => string;
  /** Drawn filled, for what is added up. */
  isFilled?: boolean;
}

/**
 * Lines over time. The newest values, or those below the pointer, stand in its legend as text.
 *
 * All series share one scale, so they have to be of one unit.
 */
export function Chart({
  label,
  times,
  series,
  height = 160,
}: {
  /** What it shows, in a sentence, for whoever cannot see it. */
  label: string;
  /** Seconds since 1970, ascending. */
  times: readonly number[];
  series: readonly Series[];
  height?: number;
}) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const look = JSON.stringify(series.map(({ name, color, isFilled }) => [name, color, isFilled]));
  const theme = useLook();

  // biome-ignore lint/correctness/useExhaustiveDependencies: values come by setData below; only another look needs another plot
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const size = () => ({ width: Math.max(element.clientWidth, 100), height });
    const made = new uPlot(options(series, element, size(), setAt), [[], ...series.map(() => [])], element);
    plot.current = made;
    const watch = new ResizeObserver(() => made.setSize(size()));
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [look, height, theme]);

  useEffect(() => {
    if (theme !== null) plot.current?.setData([times as number[], ...series.map(({ values }) => values as number[])]);
  }, [times, series, theme]);

  const shown = at ?? times.length - 1;
  const moment = times[shown];
  return (
    <figure className={styles.figure} aria-label={label}>
      <ul className={styles.legend}>
        {series.map(({ name, color, values, format }) => {
          const value = values[shown];
          return (
            <li key={name}>
              <span className={styles.mark} style={{ background: `var(${color})` }} />
              {name} <b>{value == null ? '–' : format(value)}</b>
            </li>
          );
        })}
        {at !== null && moment !== undefined && <li>{exactTime(new Date(moment * 1000))}</li>}
      </ul>
      <div ref={box} className={styles.plot} style={{ height }} aria-hidden />
    </figure>
  );
}

function options(
  series: readonly Series[],
  element: HTMLElement,
  size: { width: number; height: number },
  onPoint: (index: number | null) => void,
): uPlot.Options {
  const probe = getComputedStyle(element);
  const resolved = (name: string) => resolve(element, probe.getPropertyValue(name));
  const [text, line] = [resolved('--text-faint'), resolved('--line')];
  const font = `11px ${probe.fontFamily}`;
  const axis = { stroke: text, font, ticks: { show: false }, grid: { stroke: line, width: 1 } };
  return {
    ...size,
    padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: { x: { time: true }, y: { range: (_, __, max) => [0, Math.max(max * 1.1, 1)] } },
    axes: [
      {
        ...axis,
        size: 26,
        grid: { show: false },
        values: (_, ticks, __, ___, apart) =>
          ticks.map((tick) => (apart < 60 ? exactTime : time)(new Date(tick * 1000))),
      },
      { ...axis, size: 40 },
    ],
    series: [
      {},
      ...series.map(({ name, color, isFilled }) => {
        const stroke = resolved(color);
        return {
          label: name,
          stroke,
          width: 1.5,
          points: { show: false },
          ...(isFilled && { fill: `color-mix(in srgb, ${stroke} 14%, transparent)` }),
        };
      }),
    ],
    hooks: { setCursor: [(it) => onPoint(it.cursor.idx ?? null)] },
  };
}

/** A canvas knows no `light-dark()`: the colour as it is now. */
function resolve(element: HTMLElement, color: string): string {
  const probe = document.createElement('span');
  probe.style.color = color;
  element.append(probe);
  const now = getComputedStyle(probe).color;
  probe.remove();
  return now;
}

const currentLook = (): string => {
  const isSystemDark = matchMedia('(prefers-color-scheme: dark)').matches;
  return `${document.documentElement.dataset.theme ?? ''} ${isSystemDark}`;
};

/** Changes when the page turns light or dark. */
function useLook(): string {
  const [look, setLook] = useState(currentLook);
  useEffect(() => {
    const changed = () => setLook(currentLook());
    const system = matchMedia('(prefers-color-scheme: dark)');
    system.addEventListener('change', changed);
    const chosen = new MutationObserver(changed);
    chosen.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    return () => {
      system.removeEventListener('change', changed);
      chosen.disconnect();
    };
  }, []);
  return look;
}
