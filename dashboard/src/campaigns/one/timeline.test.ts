import { expect, test } from 'vitest';

import type { TimelinePoint } from '../../api/contract';
import { columnsOf, withPoint } from './timeline';

const point = (second: number, talking = 1): TimelinePoint => ({
  at: new Date(second * 1000).toISOString(),
  begun: 5,
  ended: 0,
  answered: 0,
  perSecond: 1,
  ringing: 0,
  talking,
});

test('a point of the stream is added once, and never an older one', () => {
  const timeline = { stepSeconds: 5, points: [point(100)] };
  const longer = withPoint(timeline, point(105, 2));
  expect(longer.points.map(({ talking }) => talking)).toEqual([1, 2]);
  expect(withPoint(longer, point(105))).toBe(longer);
  expect(withPoint(longer, point(90))).toBe(longer);
});

test('lines break where nothing is known', () => {
  const { times, talking } = columnsOf({ stepSeconds: 5, points: [point(0), point(5, 2), point(60, 3)] });
  expect(times).toEqual([0, 5, 10, 60]);
  expect(talking).toEqual([1, 2, null, 3]);
});
