import { DAYS, type Hours, parseRange } from '../ui/week';

const DAY = 1440;

/** For each minute of the week, Monday first, whether it is open. */
function minutesOf(hours: Hours): Uint8Array {
  const week = new Uint8Array(DAYS.length * DAY);
  DAYS.forEach(([day], index) => {
    for (const text of hours[day] ?? []) {
      const range = parseRange(text);
      if (range === null) continue;
      for (let minute = range.from; minute < range.to; minute += 1) week[(index * DAY + minute) % week.length] = 1;
    }
  });
  return week;
}

/** How many minutes of a week are open after a change that were closed before it. */
export function openedMinutes(before: Hours, after: Hours): number {
  const [was, is] = [minutesOf(before), minutesOf(after)];
  return is.reduce((opened, isOpen, minute) => opened + (isOpen && !was[minute] ? 1 : 0), 0);
}
