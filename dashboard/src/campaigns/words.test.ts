import { expect, test } from 'vitest';

import { reason, rejected } from './words';

test('reasons are words, known or not', () => {
  expect(reason('no_answer')).toBe('nobody picked up');
  expect(reason('brand_new_reason')).toBe('brand new reason');
  expect(rejected('too_short: too short')).toBe('too short');
  expect(rejected('wrong_column_count: expected 5, found 1')).toBe('the row has 1 columns, the others 5');
});
