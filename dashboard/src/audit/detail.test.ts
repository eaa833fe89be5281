import { expect, test } from 'vitest';

import { changesOf } from './detail';

test('a change tells what was and what is', () => {
  expect(changesOf({ weight: { from: 1, to: 2 } })).toEqual([{ name: 'weight', before: '1', after: '2' }]);
});

test('of objects only what differs is told, what was not there is nothing', () => {
  const caps = { from: { maxPer24h: 3, minGapMinutes: 60 }, to: { maxPer24h: 2, minGapMinutes: 60 } };
  expect(changesOf({ caps })).toEqual([{ name: 'caps, max per 24h', before: '3', after: '2' }]);
  const schedule = { from: { window: 'always' }, to: { hours: { mon: ['09:00-18:00'] } } };
  expect(changesOf({ schedule })).toEqual([
    { name: 'schedule, window', before: 'always', after: 'nothing' },
    { name: 'schedule, hours', before: 'nothing', after: 'mon: 09:00-18:00' },
  ]);
});

test('what was told without a before has none', () => {
  expect(changesOf({ accepted: 2, isLast: false, scopes: null })).toEqual([
    { name: 'accepted', before: null, after: '2' },
    { name: 'is last', before: null, after: 'no' },
    { name: 'scopes', before: null, after: 'nothing' },
  ]);
  expect(changesOf(null)).toEqual([]);
});
