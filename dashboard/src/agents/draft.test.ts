import { expect, test } from 'vitest';

import { bodyOf, differences, draftOf, keyDraft, NEW, transferDraft } from './draft';
import type { Agent } from './queries';

const AGENT = {
  name: 'Asha',
  prompt: 'Be kind.',
  voice: { provider: 'openai', voiceId: 'alloy' },
  greetingText: 'Hello {{name|there}}',
  connect: { kind: 'ws', url: 'wss://a.example', parameters: { tenant: 'a' } },
  connectOn: 'greeting',
  keypad: { '9': { action: 'suppress' }, '2': { action: 'transfer', to: 'sales' } },
  keypadSeconds: 5,
  onMachine: 'message',
  machineMessageText: 'Call us back',
  transfers: { sales: { kind: 'sip', to: 'sip:sales@pbx.example' } },
  recording: true,
  silenceSeconds: 30,
} as unknown as Agent;

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

test('versions are told apart by what is another in them', () => {
  expect(differences(AGENT, AGENT)).toEqual([]);
  const after = { ...AGENT, prompt: 'Be brief.', silenceSeconds: null };
  expect(differences(AGENT, after)).toEqual([
    { name: 'Prompt', before: 'Be kind.', after: 'Be brief.' },
    { name: 'Silence', before: '30', after: '–' },
  ]);
});
