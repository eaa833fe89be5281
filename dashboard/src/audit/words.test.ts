import { expect, test } from 'vitest';

import { actionOf, pageOf } from './words';

test('actions are words, and things lead to their pages', () => {
  expect(actionOf('campaign.edit')).toBe('Campaign: edit');
  expect(actionOf('apiKey.create')).toBe('API key: create');
  expect(actionOf('trunk_group.create')).toBe('Trunk group: create');
  expect(pageOf({ kind: 'campaign', id: 'cmp_1' })).toBe('/campaigns/cmp_1');
  expect(pageOf({ kind: 'invite', id: 'inv_1' })).toBeNull();
  expect(pageOf(null)).toBeNull();
});
