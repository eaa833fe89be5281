import { expect, test } from 'vitest';

import { differences } from './differences';
import { AGENT } from './example';

test('versions are told apart by what is another in them, in words', () => {
  expect(differences(AGENT, AGENT)).toEqual([]);
  const after = {
    ...AGENT,
    prompt: 'Be brief.',
    silenceSeconds: null,
    greeting: 'hello.wav',
    recording: false,
    connect: null,
    keypad: { '9': { action: 'suppress' as const } },
  };
  expect(differences(AGENT, after)).toEqual([
    { name: 'Greeting from a file', before: '–', after: 'hello.wav' },
    { name: 'Who talks', before: 'a program: wss://a.example, told tenant: a', after: 'nobody' },
    { name: 'Prompt', before: 'Be kind.', after: 'Be brief.' },
    {
      name: 'Keys',
      before: '2: hands on to “sales”; 9: takes them off all lists',
      after: '9: takes them off all lists',
    },
    { name: 'Recording', before: 'yes', after: 'no' },
    { name: 'Hangs up after silence of', before: '30 s', after: '–' },
  ]);
});

test('a value of many kinds is read as it is', () => {
  const after = { ...AGENT, llm: { model: 'small', stop: ['.'] }, voice: {} };
  expect(differences(AGENT, after)).toEqual([
    { name: 'Voice', before: 'provider: openai; voiceId: alloy', after: '–' },
    { name: 'Settings of the program', before: '–', after: 'model: small; stop: ["."]' },
  ]);
});
