import { expect, test } from 'vitest';

import { actionChoices, actionOf, pageOf, targetOf } from './words';

test('changes are told in words, unknown ones too', () => {
  expect(actionOf('apiKey.create')).toBe('Made an API key');
  expect(actionOf('flying_saucer.landSoftly')).toBe('Flying saucer: land softly');
});

test('what is chosen is among the choices', () => {
  expect(actionChoices('flying_saucer.land').map(([action]) => action)).toContain('flying_saucer.land');
  expect(actionChoices(undefined).length).toBe(actionChoices('campaign.edit').length);
});

test('things lead to their pages, or to the list they are on', () => {
  expect(pageOf({ kind: 'campaign', id: 'cmp_1' })).toBe('/campaigns/cmp_1');
  expect(pageOf({ kind: 'API key', id: 'key_1' })).toBe('/keys');
  expect(pageOf({ kind: 'person', id: 'x' })).toBeNull();
  expect(pageOf(null)).toBeNull();
});

test('things are called by their names', () => {
  const target = { kind: 'campaign', id: 'cmp_01kangg4abe9gt53d4kx6yexdv' };
  expect(targetOf({ target, detail: { name: 'March' } })).toBe('campaign March');
  expect(targetOf({ target, detail: {} })).toBe('campaign …6yexdv');
  expect(targetOf({ target: null, detail: {} })).toBeNull();
});
