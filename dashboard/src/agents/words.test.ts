import { expect, test } from 'vitest';

import { filled, variablesOf } from './words';

test('places are found once, with the default that all places of a name have', () => {
  const found = variablesOf('Hello {{first_name| there }}, {{ first_name | you }}!', 'Until {{day}}', null);
  expect([...found]).toEqual([
    ['first_name', 'there'],
    ['day', null],
  ]);
});

test('a variable is needed as soon as one of its places has no default', () => {
  expect(variablesOf('{{name|you}} {{name}} {{name|you}}').get('name')).toBeNull();
  expect(variablesOf('{{name}}', '{{name|you}}').get('name')).toBeNull();
});

test('places are filled with values, else their defaults, else they stay', () => {
  const values = new Map([['name', 'Ann']]);
  expect(filled('{{name|you}}, {{ day | soon }}, {{x}}, {{y|}}.', values)).toBe('Ann, soon, {{x}}, .');
});
