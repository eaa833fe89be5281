import { expect, test } from 'vitest';

import { membersOf, placesOf } from './group';

test('trunks of a group take turns by priority, and share by weight among the same', () => {
  const members = [
    { trunkId: 'trk_c', priority: 7 },
    { trunkId: 'trk_a', priority: 2, weight: 3 },
    { trunkId: 'trk_b', priority: 2, weight: 1 },
  ];
  expect(placesOf(members)).toEqual([
    { trunkId: 'trk_a', turn: 1, share: 0.75 },
    { trunkId: 'trk_b', turn: 1, share: 0.25 },
    { trunkId: 'trk_c', turn: 2, share: 1 },
  ]);
});

test('a new group is in order, or all have the same turn', () => {
  const turns = (sharing: 'inOrder' | 'evenly') => placesOf(membersOf(['trk_b', 'trk_a'], sharing));
  expect(turns('inOrder').map(({ trunkId, turn }) => [trunkId, turn])).toEqual([
    ['trk_b', 1],
    ['trk_a', 2],
  ]);
  expect(turns('evenly').map(({ turn, share }) => [turn, share])).toEqual([
    [1, 0.5],
    [1, 0.5],
  ]);
});
