import { expect, test } from 'vitest';

import { bodyOf, draftOf, isChanged, keyDraft, mistakeIn, NEW, transferDraft } from './draft';
import { AGENT } from './example';

test('an agent comes back as it was', () => {
  expect(bodyOf(draftOf(AGENT), AGENT)).toMatchObject(AGENT);
});

test('what is empty is nothing, and what the page does not show of the voice stays', () => {
  expect(bodyOf({ ...NEW, name: 'A' })).toMatchObject({
    greetingText: null,
    connect: null,
    keypad: {},
    silenceSeconds: null,
  });
  expect(bodyOf({ ...draftOf(AGENT), voiceId: '' }, AGENT).voice).toEqual({ provider: 'openai' });
});

test('only a key that hands on says where to', () => {
  const keys = [keyDraft('1', 'connect', 'sales'), keyDraft('2', 'transfer', 'sales')];
  const transfers = [transferDraft(' sales ', 'refer', '+14155550100')];
  expect(bodyOf({ ...NEW, keys, transfers })).toMatchObject({
    keypad: { '1': { action: 'connect' }, '2': { action: 'transfer', to: 'sales' } },
    transfers: { sales: { kind: 'refer', to: '+14155550100' } },
  });
});

test('what is changed and changed back is no change', () => {
  const from = draftOf(AGENT);
  expect(isChanged(draftOf(AGENT), from), 'rows that were made anew').toBe(false);
  expect(isChanged({ ...from, prompt: 'Be brief.' }, from)).toBe(true);
  expect(isChanged({ ...from, llm: '{' }, from), 'also what cannot be saved yet').toBe(true);
});

test('what cannot be written down for the API is found before', () => {
  expect(mistakeIn(draftOf(AGENT))).toBeNull();
  expect(mistakeIn({ ...NEW, llm: '[1]' })?.field).toBe('llm');
  expect(mistakeIn({ ...NEW, llm: '{"model": ' })?.field).toBe('llm');
  const transfers = [transferDraft('sales', 'sip', 'sip:a@b'), transferDraft(' sales', 'sip', 'sip:c@d')];
  expect(mistakeIn({ ...NEW, transfers })?.why).toContain('“sales”');
});
