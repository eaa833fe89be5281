import { expect, test } from 'vitest';

import { queryOf } from './topics';

test('what all parts of a page want becomes one question', () => {
  const query = queryOf([
    { campaign: 'cmp_1', uploads: ['upl_1'] },
    { progress: ['cmp_2', 'cmp_1'] },
    { progress: ['cmp_2'], fleet: true },
    { calls: 'cmp_1' },
  ]);
  expect(Object.fromEntries(new URLSearchParams(query))).toEqual({
    campaign: 'cmp_1',
    progress: 'cmp_2,cmp_1',
    calls: 'cmp_1',
    fleet: 'true',
    uploads: 'upl_1',
  });
});

test('all calls win over those of one campaign, whichever was asked for first', () => {
  expect(queryOf([{ calls: true }, { calls: 'cmp_1' }])).toBe('calls=true');
  expect(queryOf([{ calls: 'cmp_1' }, { calls: true }])).toBe('calls=true');
});

test('nothing wanted asks nothing, and no more campaigns are asked for than the server tells', () => {
  expect(queryOf([{}, { progress: [] }])).toBe('');
  const many = Array.from({ length: 150 }, (_, i) => `cmp_${i}`);
  expect(new URLSearchParams(queryOf([{ progress: many }])).get('progress')?.split(',')).toHaveLength(100);
});
