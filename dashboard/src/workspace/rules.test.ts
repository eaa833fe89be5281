import { expect, test } from 'vitest';

import type { Rules } from './queries';
import { bodyOf, draftOf, loosened, risks, wrongFields } from './rules';

const RULES = {
  schedule: { hours: { mon: ['09:00-18:00'] }, blockedDates: ['2026-12-25'], timezone: 'Europe/Berlin' },
  caps: { maxPer24h: 2 },
  limits: { maxLiveCalls: 50 },
  defaultTrunkId: 'trk_1',
} as unknown as Rules;
const BEFORE = draftOf(RULES);
const monday = (mon: string) => ({ ...BEFORE, hours: { ...BEFORE.hours, mon } });

test('rules are sent back as they came', () => {
  expect(bodyOf(draftOf(RULES))).toEqual(RULES);
  const none = draftOf({ schedule: {}, caps: {}, limits: {} } as Rules);
  expect(bodyOf(none)).toEqual({ schedule: { window: 'always', blockedDates: [] }, caps: {}, limits: {} });
  expect(bodyOf({ ...none, way: 'tgr_1' }).defaultTrunkGroupId).toBe('tgr_1');
});

test('what is looser is said, what is stricter is not', () => {
  expect(loosened(BEFORE, BEFORE)).toEqual([]);
  expect(loosened(BEFORE, { ...BEFORE, maxPer24h: '1', maxLiveCalls: '10', minGapMinutes: '90' })).toEqual([]);
  expect(loosened(BEFORE, { ...BEFORE, isAlways: true })).toHaveLength(1);
  expect(loosened({ ...BEFORE, isAlways: true }, BEFORE)).toEqual([]);
  expect(loosened(BEFORE, { ...BEFORE, maxPer24h: '', maxLiveCalls: '', minGapMinutes: '5' })).toHaveLength(3);
});

test('hours are looser where a minute is open that was not, however they are written', () => {
  expect(loosened(BEFORE, monday('10:00-17:00'))).toEqual([]);
  expect(loosened(BEFORE, monday('09:00-12:00, 12:00-18:00'))).toEqual([]);
  expect(loosened(BEFORE, monday('09:00-18:15'))).toEqual(['People may be called 15 minutes longer in a week.']);
  expect(loosened(BEFORE, monday('11:00-19:30'))).toEqual(['People may be called 1.5 hours longer in a week.']);
});

test('a day off that goes, and a place for numbers that tell none, are looser', () => {
  expect(loosened(BEFORE, { ...BEFORE, dates: '2026-12-26' })).toEqual(['People may be called on 2026-12-25.']);
  expect(loosened(BEFORE, { ...BEFORE, dates: '2026-12-25, 2026-12-26' })).toEqual([]);
  expect(loosened({ ...BEFORE, timezone: '' }, BEFORE)).toHaveLength(1);
  expect(loosened(BEFORE, { ...BEFORE, timezone: '' })).toEqual([]);
});

test('what is less safe than usual is named', () => {
  expect(risks(BEFORE)).toEqual([]);
  expect(risks({ ...BEFORE, isAlways: true, minGapMinutes: '0', maxPer24h: '9' })).toHaveLength(3);
});

test('a word is no number', () => {
  expect([...wrongFields({ ...BEFORE, maxPer24h: 'many' })]).toEqual(['maxPer24h']);
});
