import { expect, test } from 'vitest';

import { storyOf } from './story';

const AT = '2026-11-22T10:00:00.000Z';
const trunks = new Map([['trk_1', 'Carrier']]);

test('a call that was answered reads from its creation to who hung up', () => {
  const steps = storyOf(
    [
      { type: 'created', at: AT, attempt: 2 },
      { type: 'triggered', at: AT, trunkId: 'trk_1', from: '+12025550100', placements: 2 },
      { type: 'answered', at: AT },
      { type: 'turn', at: AT, role: 'agent', text: 'Hello' },
      {
        type: 'ended',
        at: AT,
        status: 'CALL_FINISHED',
        reason: 'hangup',
        code: 200,
        endedBy: 'callee',
        durationMs: 7_000,
      },
    ],
    trunks,
  );
  expect(steps.map(({ title }) => title)).toEqual(['Created', 'Handed to the trunk', 'Answered', 'Over: answered']);
  expect(steps[1]?.more).toEqual(['Over Carrier', 'Shows +12025550100', 'The 2nd time: the trunk had no room before']);
  expect(steps[3]?.more).toEqual(['The callee hung up', 'The trunk said 200 OK', 'Talked for 0:07']);
});

test('a call that waits says for what, and steps of later versions are not hidden', () => {
  const steps = storyOf(
    [
      { type: 'held', at: null, hold: 'PACE', reason: 'speech_unavailable' },
      { type: 'brand_new', at: AT },
    ],
    trunks,
  );
  expect(steps[0]).toMatchObject({ title: 'Waits: Pace', at: null, tone: 'warn' });
  expect(steps[0]?.more.at(-1)).toBe('In short: nobody makes speech of what the agent says');
  expect(steps[1]?.title).toBe('brand new');
});
