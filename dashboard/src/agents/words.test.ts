import { expect, test } from 'vitest';

import { filled, variablesOf } from './words';

test('places are found once, with their defaults', () => {
  const found = variablesOf('Hello {{first_name|there}}, {{ first_name }}!', 'Until {{day}}', null);
  expect([...found]).toEqual([
    ['first_name', 'there'],
    ['day', null],
  ]);
});

test('places are filled with values, else their defaults, else they stay', () => {
  const values = new Map([['name', 'Ann']]);
  expect(filled('{{name|you}} {{ day | soon }} {{x}}', values)).toBe('Ann  soon  {{x}}'.replace('  soon ', '  soon '));
});
