import { expect, test } from 'vitest';

import type { Rules } from './queries';
import { bodyOf, draftOf, loosened, wrongFields } from './rules';

const RULES = {
  schedule: { hours: { mon: ['09:00-18:00'] }, blockedDates: ['2026-12-25'], timezone: 'Europe/Berlin' },
  caps: { maxPer24h: 2 },
  limits: { maxLiveCalls: 50 },
  defaultTrunkId: 'trk_1',
} as unknown as Rules;

test('rules are sent back as they came', () => {
  expect(bodyOf(draftOf(RULES))).toEqual(RULES);
  const none = draftOf({ schedule: {}, caps: {}, limits: {} } as Rules);
  expect(bodyOf(none)).toEqual({ schedule: { window: 'always', blockedDates: [] }, caps: {}, limits: {} });
  expect(bodyOf({ ...none, way: 'tgr_1' }).defaultTrunkGroupId).toBe('tgr_1');
});

test('what is looser is said, what is stricter is not', () => {
  const before = draftOf(RULES);
  expect(loosened(before, before)).toEqual([]);
  expect(loosened(before, { ...before, maxPer24h: '1', maxLiveCalls: '10', minGapMinutes: '90' })).toEqual([]);
  expect(loosened(before, { ...before, isAlways: true })).toHaveLength(1);
  expect(loosened(before, { ...before, maxPer24h: '', maxLiveCalls: '', minGapMinutes: '5' })).toHaveLength(3);
});

test('a word is no number', () => {
  expect([...wrongFields({ ...draftOf(RULES), maxPer24h: 'many' })]).toEqual(['maxPer24h']);
});
