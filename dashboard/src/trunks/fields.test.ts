import { expect, test } from 'vitest';

import { bodyOf } from './fields';

test('what was typed is what is sent, and nothing of another kind', () => {
  const typed = {
    name: ' Main ',
    host: 'sip.example.com ',
    port: '5061',
    password: ' a b ',
    register: 'yes',
    ringMs: '9',
  };
  expect(bodyOf('sip', { ...typed, callsPerSecond: '', maxLiveCalls: '20', callerId: '+12025550100' })).toEqual({
    name: 'Main',
    kind: 'sip',
    host: 'sip.example.com',
    port: 5061,
    password: ' a b ',
    register: true,
    callerId: '+12025550100',
    limits: { callsPerSecond: null, maxLiveCalls: 20 },
  });
});

test('limits are low until somebody says otherwise, and what is no number is left to the API to refuse', () => {
  expect(bodyOf('simulated', { name: 'Trial', ringMs: 'long' })).toEqual({
    name: 'Trial',
    kind: 'simulated',
    ringMs: 'long',
    talkMs: 8000,
    limits: { callsPerSecond: 1, maxLiveCalls: 10 },
  });
});

test('audio goes somewhere only over those that ask where', () => {
  const typed = { name: 'A', streamUrl: 'wss://a.example' };
  expect(bodyOf('telnyx', typed).stream).toEqual({ url: 'wss://a.example', parameters: {} });
  expect(bodyOf('sip', typed).stream).toBeUndefined();
});
