import { expect, test } from 'vitest';

import { mappingOf, usesOf, withUse } from './mapping';

const columns = ['Name', 'Phone', 'Mobile', 'Zone', 'Notes'];
const mapped = { number: 'Phone', timezone: 'Zone', rename: { Name: 'name' }, ignore: ['Notes'] };

test('a mapping survives being shown and sent back', () => {
  expect(mappingOf(usesOf(columns, mapped))).toEqual(mapped);
});

test('one column is the number: another one takes its place', () => {
  const uses = withUse(usesOf(columns, mapped), 'Mobile', 'number');
  expect(mappingOf(uses)).toEqual({ ...mapped, number: 'Mobile' });
  expect(uses.find(({ column }) => column === 'Phone')?.use).toBe('variable');
  expect(mappingOf(withUse(uses, 'Phone', 'ignore')).ignore).toEqual(['Phone', 'Notes']);
});
