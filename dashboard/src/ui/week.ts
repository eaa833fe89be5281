import type { components } from '../api/schema';

/** Ranges by day, as the API has them: `{ mon: ['09:00-13:00'] }`. */
export type Hours = components['schemas']['Hours'];
/** A day of the week. */
export type Day = keyof Hours;

/** The days with their names, Monday first. */
export const DAYS: readonly (readonly [Day, string])[] = [
  ['mon', 'Monday'],
  ['tue', 'Tuesday'],
  ['wed', 'Wednesday'],
  ['thu', 'Thursday'],
  ['fri', 'Friday'],
  ['sat', 'Saturday'],
  ['sun', 'Sunday'],
];
/** Half hours of a day. */
export const SLOTS = 48;

/** For each day of {@link DAYS} and each half hour whether it is open. */
export type Week = readonly (readonly boolean[])[];

const closed = (): boolean[][] => DAYS.map(() => Array<boolean>(SLOTS).fill(false));

/** What `09:00-18:00` means in minutes; an end before the beginning is on the next day. Null where it means nothing. */
export function parseRange(text: string): { from: number; to: number } | null {
  const match = /^(\d{2}):(\d{2})(?::\d{2})?-(\d{2}):(\d{2})(?::\d{2})?$/.exec(text.trim());
  if (match === null) return null;
  const [h1, m1, h2, m2] = match.slice(1).map(Number) as [number, number, number, number];
  const [from, end] = [h1 * 60 + m1, h2 * 60 + m2];
  if (m1 > 59 || m2 > 59 || from >= 1440 || end > 1440 || from === end) return null;
  return { from, to: end > from ? end : end + 1440 };
}

/** The half hours that ranges open, wholly or in part; a range over midnight opens the next morning. */
export function weekOf(hours: Hours): Week {
  const week = closed();
  DAYS.forEach(([day], index) => {
    for (const text of hours[day] ?? []) {
      const range = parseRange(text);
      if (range === null) continue;
      for (let slot = Math.floor(range.from / 30); slot < Math.ceil(range.to / 30); slot += 1) {
        const row = week[(index + (slot >= SLOTS ? 1 : 0)) % DAYS.length];
        if (row) row[slot % SLOTS] = true;
      }
    }
  });
  return week;
}

/** The ranges that open these half hours, no more than there have to be. */
export function hoursOf(week: Week): Hours {
  const hours: Hours = {};
  DAYS.forEach(([day], index) => {
    const row = week[index] ?? [];
    const ranges: string[] = [];
    for (let slot = 0; slot < SLOTS; slot += 1) {
      if (!row[slot] || row[slot - 1]) continue;
      let end = slot;
      while (end < SLOTS && row[end]) end += 1;
      ranges.push(`${clockOf(slot)}-${clockOf(end)}`);
    }
    if (ranges.length > 0) hours[day] = ranges;
  });
  return hours;
}

/** Opens or closes a rectangle of half hours. */
export function painted(week: Week, from: Cell, to: Cell, isOpen: boolean): Week {
  const [firstDay, lastDay] = [Math.min(from.day, to.day), Math.max(from.day, to.day)];
  const [first, last] = [Math.min(from.slot, to.slot), Math.max(from.slot, to.slot)];
  return week.map((row, day) =>
    row.map((was, slot) => (day >= firstDay && day <= lastDay && slot >= first && slot <= last ? isOpen : was)),
  );
}

/** A half hour of a day. */
export interface Cell {
  day: number;
  slot: number;
}

/** `09:30`; the end of a day is `24:00`. */
export function clockOf(slot: number): string {
  const two = (n: number) => String(n).padStart(2, '0');
  return `${two(Math.floor(slot / 2))}:${slot % 2 === 0 ? '00' : '30'}`;
}

/** The ranges of a day as somebody writes them: `09:00-13:00, 14:00-18:00`. Null where one means nothing. */
export function readRanges(text: string): string[] | null {
  const ranges = text
    .split(/[,;]/)
    .map((range) =>
      range
        .trim()
        .replace(/\s*[–-]\s*/, '-')
        .replace(/\b(\d):/g, '0$1:'),
    )
    .filter((range) => range !== '');
  return ranges.every((range) => parseRange(range) !== null) ? ranges : null;
}

const everyDay = (range: string): Hours => Object.fromEntries(DAYS.map(([day]) => [day, [range]]));

/** Hours that many want. */
export const PRESETS: readonly { name: string; hours: Hours }[] = [
  { name: 'Every day 09–20', hours: everyDay('09:00-20:00') },
  {
    name: 'Weekdays 09–18',
    hours: Object.fromEntries(DAYS.slice(0, 5).map(([day]) => [day, ['09:00-18:00']])),
  },
  {
    name: 'Weekdays 09–20, Saturday 10–16',
    hours: { ...Object.fromEntries(DAYS.slice(0, 5).map(([day]) => [day, ['09:00-20:00']])), sat: ['10:00-16:00'] },
  },
];
