import { expect, test } from 'vitest';

import { knotsOf } from './recipients';

const at = (second: number) => new Date(second * 1000).toISOString();

test('lists tell where their rows stand', () => {
  const imports = [
    { accepted: 10, createdAt: at(500), finishedAt: at(510) },
    { accepted: 90, createdAt: at(100), finishedAt: at(140) },
  ];
  expect(knotsOf(100, 509_000, 101_000, imports)).toEqual([
    { position: 0, time: 510_000 },
    { position: 10, time: 500_000 },
    { position: 10, time: 140_000 },
    { position: 100, time: 100_000 },
  ]);
  // Somebody has added others by hand.
  expect(knotsOf(101, 509_000, 101_000, imports)).toEqual([
    { position: 0, time: 509_001 },
    { position: 101, time: 101_000 },
  ]);
});
