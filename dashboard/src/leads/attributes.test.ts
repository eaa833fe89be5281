import { expect, test } from 'vitest';

import { attributesOf, pairsOf } from './attributes';

test('attributes come back as what they were', () => {
  const before = { name: 'Ann', age: 41, tags: ['a', 'b'], zip: '04109' };
  expect(attributesOf(pairsOf(before), before)).toEqual(before);
});

test('new ones are texts, and those without a name are left out', () => {
  const pairs = [
    { id: 1, name: ' zip ', value: '04109' },
    { id: 2, name: '', value: 'lost' },
    { id: 3, name: 'age', value: 'old' },
  ];
  expect(attributesOf(pairs, { age: 41 })).toEqual({ zip: '04109', age: 'old' });
});
