import { expect, test } from 'vitest';

import type { Webhook } from './queries';
import { answerOf, pretty, shortUrl, stateOf } from './words';

const endpoint = (more: Partial<Webhook>): Webhook => ({ isActive: true, ...more }) as Webhook;

test('an endpoint works, fails, or is off, by somebody or by a rule', () => {
  expect(stateOf(endpoint({})).text).toBe('Working');
  expect(stateOf(endpoint({ failingSince: '2026-11-27T10:00:00.000Z' })).text).toBe('Failing');
  expect(stateOf(endpoint({ isActive: false })).text).toBe('Switched off');
  expect(stateOf(endpoint({ isActive: false, disabledReason: 'it answered 410' })).tone).toBe('bad');
});

test('bodies are indented where they can be read', () => {
  expect(pretty('{"a":1}')).toBe('{\n  "a": 1\n}');
  expect(pretty('nonsense')).toBe('nonsense');
});

test('answers from 200 to 299 are good, others and none are not', () => {
  expect([answerOf(204).tone, answerOf(302).tone, answerOf(null).text]).toEqual(['good', 'bad', 'No answer']);
  expect(shortUrl('https://a.example/b')).toBe('a.example/b');
});
