import { expect, test } from 'vitest';

import { type Anchor, anchorFor, timeAt } from './places';

const knots = [
  { position: 0, time: 9_000 },
  { position: 100_000, time: 8_000 },
  { position: 100_000, time: 2_000 },
  { position: 400_000, time: 1_000 },
];
const none = { rows: 0, hasMore: false };
const top: Anchor = { position: 0, time: null };
const bottom: Anchor = { position: 400_000, time: null };
const anchorOf = (anchor: Anchor, above: object, below: object, view: readonly [number, number]) =>
  anchorFor(anchor, { above: { ...none, ...above }, below: { ...none, ...below } }, view, 400_000, knots);

test('times lie between those that are known, also where nothing was made for long', () => {
  expect([0, 50_000, 100_000, 250_000, 400_000, 500_000].map((position) => timeAt(knots, position))).toEqual([
    9_000, 8_500, 8_000, 1_500, 1_000, 1_000,
  ]);
});

test('scrolling goes on page by page; a leap begins anew where it lands', () => {
  const below = { rows: 300, hasMore: true };
  expect(anchorOf(top, {}, below, [0, 30])).toBeNull();
  expect(anchorOf(top, {}, below, [480, 510])).toBeNull();
  expect(anchorOf(top, {}, below, [50_000, 50_030])).toEqual({
    anchor: { position: 50_000, time: 8_500 },
    first: 50_000,
  });
  const middle = { position: 50_000, time: 8_500 };
  expect(anchorOf(middle, { rows: 100, hasMore: true }, below, [49_700, 49_730])).toBeNull();
  expect(anchorOf(middle, { rows: 100, hasMore: true }, below, [300_000, 300_030])?.anchor.time).toBe(1_333);
});

test('near an end the list is followed from there, exactly', () => {
  const below = { rows: 300, hasMore: true };
  expect(anchorOf(top, {}, below, [399_970, 399_999])?.anchor).toEqual(bottom);
  expect(anchorOf(bottom, below, {}, [399_970, 399_999])).toBeNull();
  expect(anchorOf(bottom, below, {}, [0, 30])?.anchor).toEqual(top);
  expect(anchorOf({ position: 50_000, time: 8_500 }, below, below, [10, 40])?.anchor).toEqual(top);
});

test('a list that ends sooner than guessed is shown from its end', () => {
  const middle = { position: 60_000, time: 8_400 };
  const more = { rows: 300, hasMore: true };
  expect(anchorOf(middle, { rows: 200 }, more, [59_790, 59_820])).toEqual({ anchor: top, first: 0 });
  expect(anchorOf(middle, more, { rows: 100 }, [60_080, 60_110])).toEqual({ anchor: bottom, first: 399_970 });
});

test('a list that is known as a whole stays where it is', () => {
  const whole = (view: readonly [number, number]) =>
    anchorFor(top, { above: none, below: { rows: 30, hasMore: false } }, view, 30, knots);
  expect([whole([0, 20]), whole([10, 29])]).toEqual([null, null]);
});
