import { expect, test } from 'vitest';

import type { Campaign } from '../queries';
import { changesOf, draftOf, wrongFields } from './limits';

const campaign = {
  status: 'DRAFT',
  limits: { callsPerSecond: 2 },
  caps: {},
  brake: { share: 0.5, calls: 50, then: 'PAUSED' },
  weight: 1,
  ringTimeoutSeconds: 30,
  maxCallSeconds: 3600,
  endAt: '2026-12-01T10:00:00.000Z',
} as Campaign;

test('only what was changed is sent, an object as a whole', () => {
  const draft = draftOf(campaign);
  expect(changesOf(campaign, draft)).toEqual({});
  expect(changesOf(campaign, { ...draft, maxLiveCalls: '10', dupeDays: '7', endAt: '' })).toEqual({
    limits: { callsPerSecond: 2, maxLiveCalls: 10 },
    dupeDays: 7,
    endAt: null,
  });
  expect(changesOf(campaign, { ...draft, callsPerSecond: '', brakePercent: '30' })).toEqual({
    limits: {},
    brake: { share: 0.3, calls: 50, then: 'PAUSED' },
  });
});

test('while it calls, no more is sent than may be changed', () => {
  const calling = { ...campaign, status: 'IN_PROGRESS' } as Campaign;
  const draft = { ...draftOf(calling), callsPerSecond: '5', ringTimeoutSeconds: '20' };
  expect(changesOf(calling, draft)).toEqual({ limits: { callsPerSecond: 5 } });
});

test('what is no number is found, and so is what must not be empty', () => {
  const draft = { ...draftOf(campaign), callsPerSecond: 'many', weight: '', maxPer24h: '' };
  expect([...wrongFields(draft)]).toEqual(['callsPerSecond', 'weight']);
  const percent = (brakePercent: string) => [...wrongFields({ ...draftOf(campaign), brakePercent })];
  for (const no of ['0.5', '0', '-5', '101', 'half', '']) expect(percent(no)).toEqual(['brakePercent']);
  for (const yes of ['1', '2.5', '100']) expect(percent(yes)).toEqual([]);
});
