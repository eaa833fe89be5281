import { expect, test } from 'vitest';

import { localMoment, momentIn } from './moment';

test('a moment stays in its field while its year is typed', () => {
  expect(localMoment(new Date(2026, 2, 4, 9, 5))).toBe('2026-03-04T09:05');
  const early = new Date(2026, 2, 4, 9, 5);
  early.setFullYear(2);
  expect(localMoment(early)).toBe('0002-03-04T09:05');
});

test('what is no moment leaves the field empty', () => {
  expect(localMoment(new Date('last week'))).toBe('');
});

test('nobody is told of a year before it is typed to its end', () => {
  expect(momentIn('')).toBeUndefined();
  expect(momentIn('0202-03-04T09:05')).toBeNull();
  expect(momentIn('12026-03-04T09:05')).toBeNull();
  expect(momentIn('2026-03-04T09:05')).toBe(new Date(2026, 2, 4, 9, 5).toISOString());
});
