import { expect, test } from 'vitest';

import { stateOf, versionsOf } from './words';

const worker = {
  id: 'wrk_1',
  live: 0,
  capacity: 1,
  draining: false,
  askedToDrain: false,
  startedAt: '',
  version: '1.0.0',
};

test('whether a worker drains because it was asked to, or because it ends, is told apart', () => {
  const said = (change: object) => stateOf({ ...worker, ...change }).text;
  expect(said({})).toBe('Working');
  expect(said({ askedToDrain: true })).toBe('About to drain');
  expect(said({ askedToDrain: true, draining: true })).toBe('Draining');
  expect(said({ draining: true })).toBe('Ending');
});

test('versions are counted, the most common one first', () => {
  const all = ['1.1.0', '1.0.0', '1.1.0'].map((version) => ({ ...worker, version }));
  expect(versionsOf(all)).toEqual([
    ['1.1.0', 2],
    ['1.0.0', 1],
  ]);
});
