import { expect, test } from 'vitest';

import { pageOf } from './enter';

test('a sign-in leads to pages of the dashboard only', () => {
  expect(pageOf('/campaigns/cmp_1?x=1')).toBe('/campaigns/cmp_1?x=1');
  for (const elsewhere of [
    undefined,
    '',
    '//evil.example',
    '/\\evil.example',
    'https://evil.example',
    'javascript:1',
  ]) {
    expect(pageOf(elsewhere)).toBe('/campaigns');
  }
});
