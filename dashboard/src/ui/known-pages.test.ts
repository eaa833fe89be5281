import { expect, test } from 'vitest';

import { extent, type KnownPages, learned, NOTHING, placeOf } from './known-pages';

const three: KnownPages = [
  [0, 100, 'a'],
  [1, 40, 'b'],
  [2, 7, null],
].reduce(
  (known, [index, size, next]) => learned(known, index as number, size as number, next as string | null),
  NOTHING,
);

test('pages are known one after the other, until the last one', () => {
  expect(extent(NOTHING)).toEqual({ rows: 0, hasMore: true });
  expect(extent(learned(NOTHING, 0, 100, 'a'))).toEqual({ rows: 100, hasMore: true });
  expect(three.starts).toEqual([null, 'a', 'b']);
  expect(extent(three)).toEqual({ rows: 147, hasMore: false });
});

test('a row is found in pages of any size, empty ones included', () => {
  expect(placeOf(three, 99)).toEqual({ page: 0, offset: 99 });
  expect(placeOf(three, 100)).toEqual({ page: 1, offset: 0 });
  expect(placeOf(three, 146)).toEqual({ page: 2, offset: 6 });
  const withGap = learned(learned(NOTHING, 0, 0, 'a'), 1, 3, null);
  expect(placeOf(withGap, 0)).toEqual({ page: 1, offset: 0 });
  expect(placeOf(learned(NOTHING, 0, 2, 'a'), 2)).toEqual({ page: 1, offset: 0 });
});

test('a page loaded anew may be shorter, lead elsewhere, or be the last one', () => {
  expect(learned(three, 1, 40, 'b')).toBe(three);
  expect(learned(three, 0, 100, 'x').starts).toEqual([null, 'x', 'b']);
  const cut = learned(three, 0, 12, null);
  expect(cut.starts).toEqual([null]);
  expect(extent(cut)).toEqual({ rows: 12, hasMore: false });
});
