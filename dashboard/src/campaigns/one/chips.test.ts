import { expect, test } from 'vitest';

import type { Recipient } from '../queries';
import { stepsOf } from './chips';

const plan = [{ channel: 'voice' as const }, { channel: 'sms' as const }, { channel: 'email' as const }];
const states = (recipient: Partial<Recipient>) =>
  stepsOf(plan, { attempts: 0, ...recipient } as Recipient).map(({ state }) => state);

test('the step somebody is at stands between what lies behind and what is to come', () => {
  expect(states({ state: 'PENDING', step: 0 })).toEqual(['WAITING', 'WAITING', 'WAITING']);
  expect(states({ state: 'ACTIVE', step: 1, attempts: 2 })).toEqual(['BEHIND', 'IN_PROGRESS', 'WAITING']);
});

test('once somebody is done, what was not needed is skipped', () => {
  expect(states({ state: 'DONE', step: 0, attempts: 1, disposition: 'REACHED' })).toEqual([
    'CONNECTED',
    'SKIPPED',
    'SKIPPED',
  ]);
  expect(states({ state: 'DONE', step: 2, attempts: 3, disposition: 'EXHAUSTED' })).toEqual([
    'BEHIND',
    'BEHIND',
    'TRIED',
  ]);
  expect(states({ state: 'DONE', step: 0, disposition: 'SUPPRESSED' })).toEqual(['SKIPPED', 'SKIPPED', 'SKIPPED']);
});
