import { numberOf } from '../ui/Field';
import { counted } from '../ui/format';
import { DAYS, type Day, type Hours, readRanges } from '../ui/week';
import { openedMinutes } from './hours';
import type { NewRules, Rules } from './queries';

/** The rules as they are being typed. */
export interface RulesDraft {
  isAlways: boolean;
  hours: Record<Day, string>;
  dates: string;
  timezone: string;
  minGapMinutes: string;
  maxPer24h: string;
  maxPer7d: string;
  callsPerSecond: string;
  maxLiveCalls: string;
  /** A trunk or a group, or nothing. */
  way: string;
}

/** What holds where the caps say nothing. */
export const DEFAULT_CAPS = { minGapMinutes: 60, maxPer24h: 3 } as const;

const text = (value: number | null | undefined): string => (value == null ? '' : String(value));

/** Ranges of each day as text. */
export const textsOf = (hours: Hours): Record<Day, string> =>
  Object.fromEntries(DAYS.map(([day]) => [day, (hours[day] ?? []).join(', ')])) as Record<Day, string>;

export const draftOf = ({ schedule, caps, limits, defaultTrunkId, defaultTrunkGroupId }: Rules): RulesDraft => ({
  isAlways: schedule.hours == null,
  hours: textsOf(schedule.hours ?? {}),
  dates: (schedule.blockedDates ?? []).join(', '),
  timezone: schedule.timezone ?? '',
  minGapMinutes: text(caps.minGapMinutes),
  maxPer24h: text(caps.maxPer24h),
  maxPer7d: text(caps.maxPer7d),
  callsPerSecond: text(limits.callsPerSecond),
  maxLiveCalls: text(limits.maxLiveCalls),
  way: defaultTrunkGroupId ?? defaultTrunkId ?? '',
});

const NUMBERS = ['minGapMinutes', 'maxPer24h', 'maxPer7d', 'callsPerSecond', 'maxLiveCalls'] as const;
type NumberName = (typeof NUMBERS)[number];

/** Fields that hold no number. */
export const wrongFields = (draft: RulesDraft): ReadonlySet<string> =>
  new Set(NUMBERS.filter((name) => numberOf(draft[name]) === undefined));

/** The hours that are open; null where one of them cannot be read. */
export function hoursOfDraft(draft: RulesDraft): Hours | null {
  const read = DAYS.map(([day]) => [day, readRanges(draft.hours[day])] as const);
  if (read.some(([, ranges]) => ranges === null)) return null;
  return Object.fromEntries(read.filter(([, ranges]) => ranges && ranges.length > 0));
}

/** The days that are written one after the other. */
const datesOf = (draft: RulesDraft): string[] => draft.dates.split(/[\s,;]+/).filter((date) => date !== '');

/** The rules as the API takes them. */
export function bodyOf(draft: RulesDraft): NewRules {
  const some = (...names: NumberName[]) =>
    Object.fromEntries(names.map((name) => [name, numberOf(draft[name])]).filter(([, value]) => value != null));
  const when = draft.isAlways ? { window: 'always' } : { hours: hoursOfDraft(draft) ?? {} };
  const timezone = draft.timezone.trim();
  return {
    schedule: { ...when, blockedDates: datesOf(draft), ...(timezone && { timezone }) },
    caps: some('minGapMinutes', 'maxPer24h', 'maxPer7d'),
    limits: some('callsPerSecond', 'maxLiveCalls'),
    ...(draft.way.startsWith('tgr_') ? { defaultTrunkGroupId: draft.way } : draft.way && { defaultTrunkId: draft.way }),
  };
}

/** What a change lets happen that was forbidden before, in words: it is asked for once more. */
export function loosened(before: RulesDraft, after: RulesDraft): string[] {
  const number = (draft: RulesDraft, name: NumberName, none: number) => numberOf(draft[name]) ?? none;
  const grows = (name: NumberName, none = Number.POSITIVE_INFINITY) =>
    number(after, name, none) > number(before, name, none);
  const gap = DEFAULT_CAPS.minGapMinutes;
  return [
    ...loosenedHours(before, after),
    ...(number(after, 'minGapMinutes', gap) < number(before, 'minGapMinutes', gap)
      ? ['One number may be called sooner after another campaign has called it.']
      : []),
    ...(grows('maxPer24h', DEFAULT_CAPS.maxPer24h) ? ['One number may be called more often in 24 hours.'] : []),
    ...(grows('maxPer7d') ? ['One number may be called more often in 7 days.'] : []),
    ...(grows('callsPerSecond') ? ['More calls may begin per second.'] : []),
    ...(grows('maxLiveCalls') ? ['More calls may be live at once.'] : []),
  ];
}

function loosenedHours(before: RulesDraft, after: RulesDraft): string[] {
  const said: string[] = [];
  if (after.isAlways && !before.isAlways) said.push('People may be called at any hour that their campaign allows.');
  if (!after.isAlways && !before.isAlways) {
    const opened = openedMinutes(hoursOfDraft(before) ?? {}, hoursOfDraft(after) ?? {});
    if (opened > 0) said.push(`People may be called ${openedWords(opened)} longer in a week.`);
  }
  const kept = new Set(datesOf(after));
  const freed = datesOf(before).filter((date) => !kept.has(date));
  if (freed.length > 0) said.push(`People may be called on ${freed.join(', ')}.`);
  const zone = after.timezone.trim();
  if (zone !== before.timezone.trim() && zone !== '') {
    said.push(`Numbers that tell no place may be called by the clock of ${zone}.`);
  }
  return said;
}

const openedWords = (minutes: number): string =>
  minutes < 60 ? counted(minutes, 'minute') : counted(Math.round(minutes / 6) / 10, 'hour');

/** What these rules leave open that most workspaces should not; in words. */
export function risks(draft: RulesDraft): string[] {
  const number = (name: NumberName) => numberOf(draft[name]);
  return [
    ...(draft.isAlways
      ? ['A campaign that is set to any hour calls people at night: the workspace has no hours of its own.']
      : []),
    ...((number('minGapMinutes') ?? DEFAULT_CAPS.minGapMinutes) < DEFAULT_CAPS.minGapMinutes
      ? [`The wait after another campaign is shorter than the ${DEFAULT_CAPS.minGapMinutes} minutes that are usual.`]
      : []),
    ...((number('maxPer24h') ?? DEFAULT_CAPS.maxPer24h) > DEFAULT_CAPS.maxPer24h
      ? [`One number may be called more often than the ${DEFAULT_CAPS.maxPer24h} times in 24 hours that are usual.`]
      : []),
  ];
}
