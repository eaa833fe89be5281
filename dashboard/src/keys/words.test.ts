import { expect, test } from 'vitest';

import { endOf, endWords, rolesUpTo, scopesOf } from './words';

const NOW = new Date('2026-11-27T12:00:00Z');

test('nobody is offered a role above their own', () => {
  expect(rolesUpTo('developer').map(([role]) => role)).toEqual(['member', 'developer']);
});

test('a key without scopes may all that its role may', () => {
  expect(scopesOf(null)).toBe('All that its role may');
  expect(scopesOf(['read', 'sessions:write'])).toBe('Read, Calls');
});

test('keys end after so many days, or never', () => {
  expect(endOf('30', NOW)).toBe('2026-12-27T12:00:00.000Z');
  expect(endOf('', NOW)).toBeNull();
});

test('what ends soon, or has ended, stands out', () => {
  expect(endWords(null, NOW)).toEqual({ text: 'Never', tone: null });
  expect(endWords('2026-11-30T12:00:00Z', NOW)).toEqual({ text: 'Ends in 3 days', tone: 'warn' });
  expect(endWords('2026-11-27T11:59:59Z', NOW).tone).toBe('bad');
  expect(endWords('2027-03-01T12:00:00Z', NOW).tone).toBeNull();
});
