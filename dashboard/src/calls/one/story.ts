import { HOLD, reason } from '../../campaigns/words';
import type { Tone } from '../../ui/Chip';
import { capital, duration } from '../../ui/format';
import type { CallEvent } from '../queries';
import { answerOf, CALL, ENDED_BY } from '../words';

/** A step of a call in words. */
export interface Step {
  title: string;
  /** What else is known of it, in short sentences. */
  more: string[];
  tone: Tone;
  at: string | null;
}

/** How a call went, in the order of time. What was said has a place of its own and is left out. */
export function storyOf(events: readonly CallEvent[], trunks: ReadonlyMap<string, string>): Step[] {
  return events.filter(({ type }) => type !== 'turn').map((event) => ({ at: event.at, ...told(event, trunks) }));
}

function told(event: CallEvent, trunks: ReadonlyMap<string, string>): Omit<Step, 'at'> {
  const text = (key: string): string | null => (typeof event[key] === 'string' ? event[key] : null);
  const number = (key: string): number | null => (typeof event[key] === 'number' ? event[key] : null);
  switch (event.type) {
    case 'created':
      return plain('Created', [`Attempt ${number('attempt') ?? 1}`]);
    case 'held': {
      const hold = HOLD[text('hold') as keyof typeof HOLD];
      const why = text('reason');
      return {
        title: `Waits: ${hold?.text ?? text('hold')}`,
        more: [hold?.meaning, why && `In short: ${reason(why)}`].filter((it) => typeof it === 'string'),
        tone: 'warn',
      };
    }
    case 'triggered': {
      const [from, trunkId, placements] = [text('from'), text('trunkId'), number('placements') ?? 1];
      return {
        title: 'Handed to the trunk',
        more: [
          ...(trunkId ? [`Over ${trunks.get(trunkId) ?? trunkId}`] : []),
          ...(from ? [`Shows ${from}`] : []),
          ...(placements > 1 ? [`The ${ordinal(placements)} time: the trunk had no room before`] : []),
        ],
        tone: 'accent',
      };
    }
    case 'answered':
      return { title: 'Answered', more: [], tone: 'good' };
    case 'transferred':
      return { title: 'Handed on', more: [`To ${text('to')}`], tone: 'info' };
    case 'sent':
      return plain('Sent', ['The provider has taken it']);
    case 'delivered':
      return { title: 'Delivered', more: [], tone: 'info' };
    case 'read':
      return { title: 'Read', more: [], tone: 'good' };
    case 'ended':
      return ended(event, text, number);
    default:
      return plain(event.type.replaceAll('_', ' '), []);
  }
}

function ended(
  event: CallEvent,
  text: (key: string) => string | null,
  number: (key: string) => number | null,
): Omit<Step, 'at'> {
  const [why, code, by, lasted] = [text('reason'), number('code'), text('endedBy'), number('durationMs')];
  const state = CALL[event.status as keyof typeof CALL];
  return {
    title: `Over: ${(state?.text ?? 'nothing is known of how').toLowerCase()}`,
    more: [
      ...(why ? [capital(reason(why))] : []),
      ...(code ? [`The trunk said ${answerOf(code)}`] : []),
      ...(by && why !== 'hangup' ? [`Ended by ${ENDED_BY[by as keyof typeof ENDED_BY] ?? by}`] : []),
      ...(lasted ? [`Talked for ${duration(lasted)}`] : []),
    ],
    tone: state?.tone ?? 'plain',
  };
}

const plain = (title: string, more: string[]): Omit<Step, 'at'> => ({ title, more, tone: 'plain' });

const ordinal = (n: number): string => `${n}${n === 2 ? 'nd' : n === 3 ? 'rd' : 'th'}`;
