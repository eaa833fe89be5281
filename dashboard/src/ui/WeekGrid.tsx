import { type KeyboardEvent, type PointerEvent, useRef, useState } from 'react';

import { classes } from './classes';
import styles from './WeekGrid.module.css';
import { type Cell, clockOf, DAYS, painted, SLOTS, type Week } from './week';

/**
 * A week to paint hours on: drag over it, or go with the arrow keys, toggle with Space, and paint with Shift and arrows.
 */
export function WeekGrid({ week, onChange }: { week: Week; onChange: (week: Week) => void }) {
  const grid = useRef<HTMLDivElement>(null);
  const [focus, setFocus] = useState<Cell>({ day: 0, slot: 18 });
  const [drag, setDrag] = useState<{ from: Cell; to: Cell; isOpen: boolean } | null>(null);
  const shown = drag ? painted(week, drag.from, drag.to, drag.isOpen) : week;
  const isOpen = ({ day, slot }: Cell) => shown[day]?.[slot] ?? false;

  const go = (to: Cell) => {
    setFocus(to);
    grid.current?.querySelector<HTMLElement>(`[data-cell="${to.day},${to.slot}"]`)?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const to = moved(focus, event.key);
    if (event.key === ' ' || event.key === 'Enter') onChange(painted(week, focus, focus, !isOpen(focus)));
    else if (to === null) return;
    else {
      if (event.shiftKey) onChange(painted(week, focus, to, isOpen(focus)));
      go(to);
    }
    event.preventDefault();
  };
  const begin = (event: PointerEvent) => {
    const cell = cellAt(event);
    if (cell === null || event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    setFocus(cell);
    setDrag({ from: cell, to: cell, isOpen: !isOpen(cell) });
  };
  const follow = (event: PointerEvent) => {
    const cell = drag && cellAt(event);
    if (cell && drag) setDrag({ ...drag, to: cell });
  };
  const end = () => {
    if (drag) onChange(shown);
    setDrag(null);
  };
  return (
    <div
      ref={grid}
      role="grid"
      aria-label="Hours of the week"
      aria-multiselectable
      className={styles.grid}
      onKeyDown={onKeyDown}
      onPointerDown={begin}
      onPointerMove={follow}
      onPointerUp={end}
      onPointerCancel={() => setDrag(null)}
    >
      <div className={styles.clock} aria-hidden>
        {[0, 6, 12, 18, 24].map((hour) => (
          <span key={hour} style={{ left: `${(hour / 24) * 100}%` }}>
            {String(hour).padStart(2, '0')}
          </span>
        ))}
      </div>
      {DAYS.map(([id, name], day) => (
        <div key={id} role="row" className={styles.day}>
          <span role="rowheader" className={styles.name}>
            <span aria-hidden>{name.slice(0, 3)}</span>
            <span className="unseen">{name}</span>
          </span>
          {Array.from({ length: SLOTS }, (_, slot) => {
            const isFocus = focus.day === day && focus.slot === slot;
            return (
              <span
                // biome-ignore lint/suspicious/noArrayIndexKey: a half hour is its number
                key={slot}
                role="gridcell"
                tabIndex={isFocus ? 0 : -1}
                data-cell={`${day},${slot}`}
                aria-selected={isOpen({ day, slot })}
                aria-label={`${name} ${clockOf(slot)} to ${clockOf(slot + 1)}`}
                className={classes(styles.cell, isOpen({ day, slot }) && styles.open, slot % 2 === 0 && styles.hour)}
                onFocus={() => setFocus({ day, slot })}
              />
            );
          })}
        </div>
      ))}
    </div>
  );
}

function moved({ day, slot }: Cell, key: string): Cell | null {
  const within = (n: number, most: number) => Math.max(0, Math.min(n, most - 1));
  switch (key) {
    case 'ArrowLeft':
      return { day, slot: within(slot - 1, SLOTS) };
    case 'ArrowRight':
      return { day, slot: within(slot + 1, SLOTS) };
    case 'ArrowUp':
      return { day: within(day - 1, DAYS.length), slot };
    case 'ArrowDown':
      return { day: within(day + 1, DAYS.length), slot };
    case 'Home':
      return { day, slot: 0 };
    case 'End':
      return { day, slot: SLOTS - 1 };
    default:
      return null;
  }
}

/** The half hour below the pointer, which a drag may have led out of the one it began in. */
function cellAt({ clientX, clientY }: PointerEvent): Cell | null {
  const found = document.elementFromPoint(clientX, clientY)?.closest<HTMLElement>('[data-cell]')?.dataset.cell;
  const [day, slot] = found?.split(',').map(Number) ?? [];
  return day === undefined || slot === undefined ? null : { day, slot };
}
