import { expect, test } from 'vitest';

import type { Webhook } from './queries';
import { answerOf, headersOf, pretty, shortUrl, stateOf, toldOf } from './words';

const endpoint = (more: Partial<Webhook>): Webhook => ({ isActive: true, ...more }) as Webhook;

test('an endpoint works, fails, or is off, by somebody or by a rule', () => {
  expect(stateOf(endpoint({})).text).toBe('Working');
  expect(stateOf(endpoint({ failingSince: '2026-11-27T10:00:00.000Z' })).text).toBe('Failing');
  expect(stateOf(endpoint({ isActive: false })).text).toBe('Switched off');
  expect(stateOf(endpoint({ isActive: false, disabledReason: 'it answered 410' })).tone).toBe('bad');
});

test('an endpoint without a list of events is told of all of them', () => {
  expect(toldOf(endpoint({ events: [] }))).toBe('all events');
  expect(toldOf(endpoint({ events: ['session.ended'] }))).toBe('session.ended');
  expect(toldOf(endpoint({ events: Array(7).fill('session.ended') }))).toBe('7 events');
});

test('headers are told by what is known of them, and values of one’s own are not', () => {
  const standard = headersOf({ style: 'standard', customHeaders: ['x-tenant'] }, 'evt_1').split('\n');
  expect(standard.map((line) => line.split(':')[0])).toEqual([
    'content-type',
    'webhook-id',
    'webhook-timestamp',
    'webhook-signature',
    'x-tenant',
  ]);
  expect(standard).toContain('webhook-id: evt_1');
  expect(headersOf({ style: 'saaya', customHeaders: [] }, 'evt_1')).toContain('Saaya-Signature: t=');
});

test('bodies are indented where they can be read', () => {
  expect(pretty('{"a":1}')).toBe('{\n  "a": 1\n}');
  expect(pretty('nonsense')).toBe('nonsense');
});

test('answers from 200 to 299 are good, others and none are not', () => {
  expect([answerOf(204).tone, answerOf(302).tone, answerOf(null).text]).toEqual(['good', 'bad', 'No answer']);
  expect(shortUrl('https://a.example/b')).toBe('a.example/b');
});
