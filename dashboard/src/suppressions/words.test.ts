import { expect, test } from 'vitest';

import type { Erasure } from './queries';
import { erased, isOver, whatRemovingMeans } from './words';

test('what was erased is told in words, and nothing of what was not there', () => {
  const counts = { recordings: 2, rejectedRows: 1, leads: 0 } as Erasure['erased'];
  expect(erased(counts)).toEqual([
    ['recordings', 2],
    ['rejected rows', 1],
  ]);
});

const NOW = new Date('2026-11-27T12:00:00Z');

test('an entry holds until its end, and one without an end for good', () => {
  expect(isOver({ expiresAt: null }, NOW)).toBe(false);
  expect(isOver({ expiresAt: '2026-11-27T12:00:01Z' }, NOW)).toBe(false);
  expect(isOver({ expiresAt: '2026-11-27T12:00:00Z' }, NOW)).toBe(true);
});

test('what removing an entry means depends on who has asked for it, how, and until when', () => {
  const means = (entry: Parameters<typeof whatRemovingMeans>[0]) => whatRemovingMeans(entry, NOW);
  expect(means({ source: 'STOP', channel: null, expiresAt: null })).toContain('consent');
  expect(means({ source: 'IMPORT', channel: 'sms', expiresAt: null })).toContain('by text message again');
  expect(means({ source: 'OPERATOR', channel: null, expiresAt: null })).toContain('contact them again');
  expect(means({ source: 'OPERATOR', channel: null, expiresAt: '2026-11-01T00:00:00Z' })).toContain('run out');
});
