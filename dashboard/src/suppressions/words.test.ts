import { expect, test } from 'vitest';

import type { Erasure } from './queries';
import { erased } from './words';

test('what was erased is told in words, and nothing of what was not there', () => {
  const counts = { recordings: 2, rejectedRows: 1, leads: 0 } as Erasure['erased'];
  expect(erased(counts)).toEqual([
    ['recordings', 2],
    ['rejected rows', 1],
  ]);
});
