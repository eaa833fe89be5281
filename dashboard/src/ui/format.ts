const number = new Intl.NumberFormat('en');
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const day = new Intl.DateTimeFormat('en', { weekday: 'short', day: 'numeric', month: 'short' });
const dayAndYear = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', year: 'numeric' });
const clock = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const toTheSecond = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});

/** `12,345`. */
export const count = (n: number): string => number.format(n);

/** `12.3K`, where there is little room. */
export const shortCount = (n: number): string => (n < 10_000 ? number.format(n) : compact.format(n));

/** With a capital letter before. */
export const capital = (words: string): string => words.slice(0, 1).toUpperCase() + words.slice(1);

/** Messages of the API begin with a small letter, and end without a full stop. */
export const sentence = (text: string): string => capital(/[.!?]$/.test(text) ? text : `${text}.`);

/** `1 recipient`, `12,345 recipients`. */
export const counted = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;

/** `48 %` of a share from 0 to 1; a small one keeps a digit, and nothing is rounded to all or nothing. */
export function percent(share: number): string {
  const of100 = share * 100;
  if (of100 > 0 && of100 < 10) return `${Math.max(of100, 0.1).toFixed(1)} %`;
  return `${of100 < 100 ? Math.min(Math.round(of100), 99) : 100} %`;
}

/** A rate of calls: `3.5/s`. */
export const rate = (perSecond: number): string =>
  `${perSecond >= 10 ? Math.round(perSecond) : Number(perSecond.toFixed(perSecond < 1 ? 2 : 1))}/s`;

/** `512 B`, `4.2 MiB`. */
export function bytes(n: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let size = n;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}

/** `14:05`. */
export const time = (at: string | Date): string => clock.format(new Date(at));

/** `14:05:09`. */
export const exactTime = (at: string | Date): string => toTheSecond.format(new Date(at));

/** `14:05` of today, `Mon 3 Mar, 14:05` near it, `3 Mar 2026, 14:05` else; on the clock of whoever reads it. */
export function moment(at: string | Date, now: Date = new Date()): string {
  const then = new Date(at);
  if (then.toDateString() === now.toDateString()) return clock.format(then);
  const isNear = Math.abs(then.getTime() - now.getTime()) < 300 * 86_400_000;
  return `${(isNear ? day : dayAndYear).format(then)}, ${clock.format(then)}`;
}

/** `14:05:09` of today, `Mon 3 Mar, 14:05:09` else. */
export function exactMoment(at: string | Date, now: Date = new Date()): string {
  const then = new Date(at);
  const isToday = then.toDateString() === now.toDateString();
  return isToday ? exactTime(then) : `${day.format(then)}, ${exactTime(then)}`;
}

/** `8 s`, `4 min`, `3 h 20 min`, `2 days`. */
export function span(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.round(hours / 24);
  return days === 1 ? '1 day' : `${days} days`;
}

/** How long a call lasted: `0:07`, `1:02:33`. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const two = (n: number) => String(n).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** `4 min ago`, `in 3 h`, `now`. */
export function ago(at: string | Date, now: Date = new Date()): string {
  const ms = new Date(at).getTime() - now.getTime();
  if (Math.abs(ms) < 5_000) return 'now';
  return ms < 0 ? `${span(ms)} ago` : `in ${span(ms)}`;
}
