import { expect, test } from 'vitest';

import { hoursOf, PRESETS, painted, parseRange, readRanges, weekOf } from './week';

test('hours become half hours, and half hours become hours again', () => {
  for (const { hours } of PRESETS) expect(hoursOf(weekOf(hours))).toEqual(hours);
  const split = { wed: ['09:00-12:30', '13:30-18:00'], sun: ['00:00-24:00'] };
  expect(hoursOf(weekOf(split))).toEqual(split);
});

test('a night belongs to the day it begins on, and opens the next morning, Sunday to Monday included', () => {
  expect(hoursOf(weekOf({ sun: ['22:00-06:00'] }))).toEqual({ mon: ['00:00-06:00'], sun: ['22:00-24:00'] });
});

test('what is not on the half hour opens the half hours it touches', () => {
  expect(hoursOf(weekOf({ mon: ['09:15-09:50'] }))).toEqual({ mon: ['09:00-10:00'] });
});

test('painting opens and closes rectangles, in any direction', () => {
  const open = painted(weekOf({}), { day: 2, slot: 20 }, { day: 1, slot: 18 }, true);
  expect(hoursOf(open)).toEqual({ tue: ['09:00-10:30'], wed: ['09:00-10:30'] });
  expect(hoursOf(painted(open, { day: 2, slot: 19 }, { day: 2, slot: 19 }, false)).wed).toEqual([
    '09:00-09:30',
    '10:00-10:30',
  ]);
});

test('ranges are read as people write them', () => {
  expect(readRanges(' 9:00 – 13:00; 14:00-18:00 ')).toEqual(['09:00-13:00', '14:00-18:00']);
  expect(readRanges('')).toEqual([]);
  for (const wrong of ['nine to five', '09:00', '25:00-26:00', '09:00-09:00', '09:70-10:00']) {
    expect(readRanges(wrong), wrong).toBeNull();
  }
  expect(parseRange('22:00-06:00')).toEqual({ from: 1320, to: 1800 });
});
