import { expect, test } from 'vitest';

import { BEGIN, bodyOf, changesOf, mistakesIn, valuesOf } from './fields';
import type { Trunk } from './queries';

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
  expect(bodyOf('simulated', { ...BEGIN, name: 'Trial', ringMs: 'long' })).toEqual({
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

test('what is told with the start of the audio stands on lines', () => {
  const streamParameters = 'language: en\n\nurl=https://a.example:1/b';
  expect(bodyOf('twilio', { streamUrl: 'wss://a.example', streamParameters }).stream?.parameters).toEqual({
    language: 'en',
    url: 'https://a.example:1/b',
  });
});

test('a pool is there once it has numbers, however they are written', () => {
  expect(bodyOf('sip', { rotation: 'match', dailyCap: '5' }).callerIds).toBeUndefined();
  const poolNumbers = '+1 (202) 555-0101\n+12025550102, +12025550103;';
  expect(bodyOf('sip', { poolNumbers, dailyCap: '80' }).callerIds).toEqual({
    numbers: ['+12025550101', '+12025550102', '+12025550103'],
    rotation: 'roundRobin',
    dailyCap: 80,
  });
  expect(bodyOf('smtp', { poolNumbers }).callerIds).toBeUndefined();
});

test('what should be JSON is looked at before it is sent', () => {
  const outcomes = '{"480": {"noRoom": {"retryAfterSeconds": 5}}}';
  expect(mistakesIn('sip', { outcomes })).toEqual({});
  expect(bodyOf('sip', { outcomes }).outcomes).toEqual({ '480': { noRoom: { retryAfterSeconds: 5 } } });
  expect(Object.keys(mistakesIn('sip', { outcomes: '{480' }))).toEqual(['outcomes']);
  expect(mistakesIn('smtp', { outcomes: '{480' }), 'typed before another kind was chosen').toEqual({});
});

const trunk = {
  name: 'Main',
  kind: 'sip',
  host: 'sip.example.com',
  port: null,
  transport: 'tls',
  sips: false,
  register: true,
  username: 'acme',
  outcomes: { '480': { noRoom: { retryAfterSeconds: 5 } } },
  callerId: null,
  callerIds: { numbers: ['+12025550101', '+12025550102'], rotation: 'match', dailyCap: 9 },
  limits: { callsPerSecond: 2.5, maxLiveCalls: null },
} as unknown as Trunk;

test('what nobody has touched is not sent', () => {
  const begin = valuesOf(trunk);
  expect(changesOf('sip', begin, begin)).toEqual({});
  expect(changesOf('sip', begin, { ...begin, name: 'Main ' })).toEqual({});
});

test('what was changed is sent, and what was emptied is taken away', () => {
  const begin = valuesOf(trunk);
  const typed = { port: '5061', register: '', password: 'new', username: '', poolNumbers: '', maxLiveCalls: '20' };
  expect(changesOf('sip', begin, { ...begin, ...typed, outcomes: '' })).toEqual({
    port: 5061,
    password: 'new',
    register: null,
    username: null,
    outcomes: null,
    callerIds: null,
    limits: { maxLiveCalls: 20 },
  });
  expect(changesOf('sip', begin, { ...begin, username: '' })).toEqual({ username: null, password: null });
});

test('where the audio goes stands in its fields', () => {
  const stream = { url: 'wss://a.example', parameters: { language: 'en', url: 'https://a.example:1/b' } };
  const begin = valuesOf({ name: 'T', kind: 'twilio', limits: {}, stream } as unknown as Trunk);
  expect(changesOf('twilio', begin, { ...begin, streamUrl: 'wss://b.example' })).toEqual({
    stream: { ...stream, url: 'wss://b.example' },
  });
});
