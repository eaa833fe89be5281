import { expect, test } from 'vitest';

import { choice, texts } from './search';

test('an address gives what it may, and nothing else', () => {
  const search = { name: 'Asha', status: 'DONE', other: 'x', page: 7, empty: '' };
  expect(texts(search, 'name', 'page', 'empty', 'missing')).toEqual({ name: 'Asha' });
  expect(choice(search, 'status', { DONE: 1, OPEN: 2 })).toEqual({ status: 'DONE' });
  expect(choice(search, 'status', { OPEN: 2 })).toEqual({});
  expect(choice({ status: 'toString' }, 'status', { OPEN: 2 })).toEqual({});
});
