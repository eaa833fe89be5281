import { expect, test } from 'vitest';

import { ago, bytes, counted, duration, moment, percent, rate, span } from './format';

test('shares are never rounded to nothing or to everything', () => {
  expect([0, 0.0001, 0.034, 0.5, 0.999, 1].map(percent)).toEqual(['0 %', '0.1 %', '3.4 %', '50 %', '99 %', '100 %']);
});

test('sizes, rates and counts read as people write them', () => {
  expect([0, 1023, 1024, 5 * 1024 * 1024, 300 * 1024].map(bytes)).toEqual([
    '0 B',
    '1023 B',
    '1.0 KiB',
    '5.0 MiB',
    '300 KiB',
  ]);
  expect([0, 0.25, 3.55, 42.4].map(rate)).toEqual(['0/s', '0.25/s', '3.5/s', '42/s']);
  expect([counted(1, 'recipient'), counted(12_345, 'recipient'), counted(0, 'entry', 'entries')]).toEqual([
    '1 recipient',
    '12,345 recipients',
    '0 entries',
  ]);
});

test('spans have one or two units', () => {
  const minute = 60_000;
  expect([8_000, 4 * minute, 60 * minute, 200 * minute, 26 * 60 * minute, 72 * 60 * minute].map(span)).toEqual([
    '8 s',
    '4 min',
    '1 h',
    '3 h 20 min',
    '1 day',
    '3 days',
  ]);
  expect([7_000, 3_753_000].map(duration)).toEqual(['0:07', '1:02:33']);
});

test('moments say the day unless it is today', () => {
  const now = new Date(2026, 2, 3, 12, 0);
  expect(moment(new Date(2026, 2, 3, 14, 5), now)).toBe('14:05');
  expect(moment(new Date(2026, 2, 4, 9, 0), now)).toBe('Wed, Mar 4, 09:00');
  expect(moment(new Date(2024, 2, 4, 9, 0), now)).toBe('Mar 4, 2024, 09:00');
  expect(ago(new Date(2026, 2, 3, 11, 56), now)).toBe('4 min ago');
  expect(ago(new Date(2026, 2, 3, 15, 0), now)).toBe('in 3 h');
});
