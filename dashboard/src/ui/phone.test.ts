import { expect, test } from 'vitest';

import { plainNumber } from './phone';

test('numbers may be written and copied as people do', () => {
  expect(plainNumber(' +49 (151) 123-456.78 ')).toBe('+4915112345678');
  expect(plainNumber('\u202a+1\u00a0415\u2011555\u20130100\u202c')).toBe('+14155550100');
});

test('what is no number stays what it is, for the API to refuse', () => {
  expect(plainNumber('ann@example')).toBe('ann@example');
});
