import { expect, test } from 'vitest';

import { draftOf, emptyStep, type Step, stepOf, wrongFields } from './plan';

test('a plan survives being shown and sent back', () => {
  const plan: Step[] = [
    { channel: 'voice', attempts: 3, retry: { afterMinutes: 30, backoff: 1, on: ['UNANSWERED'] } },
    {
      channel: 'whatsapp',
      attempts: 1,
      gate: 'voice.noAnswer',
      afterHours: 4,
      trunkId: 'trk_1',
      message: { template: 'reminder', language: 'de', variables: ['{{name}}', '{{city|there}}'] },
    },
    { channel: 'email', attempts: 1, trunkId: 'trk_2', message: { subject: 'Hello', text: 'Text' } },
  ];
  expect(plan.map(draftOf).map(stepOf)).toEqual(plan);
});

test('what holds anyway is not said', () => {
  expect(stepOf({ ...emptyStep('voice'), attempts: '1' }, 0)).toEqual({ channel: 'voice', attempts: 1 });
  const gated = { ...emptyStep('voice'), attempts: '1', gate: 'any' as const };
  expect([stepOf(gated, 0).gate, stepOf(gated, 1).gate]).toEqual([undefined, 'any']);
  expect(stepOf({ ...emptyStep('voice'), afterMinutes: '' }, 0).retry).toEqual({ backoff: 2 });
});

test('what is no number is found, where it is asked for', () => {
  const draft = { ...emptyStep('voice'), attempts: 'abc', afterMinutes: '', afterHours: 'soon' };
  expect([...wrongFields(draft, 0)]).toEqual(['attempts', 'afterMinutes']);
  expect([...wrongFields(draft, 1)]).toEqual(['attempts', 'afterMinutes', 'afterHours']);
  expect([...wrongFields({ ...draft, attempts: '1', afterHours: '' }, 1)]).toEqual([]);
});
