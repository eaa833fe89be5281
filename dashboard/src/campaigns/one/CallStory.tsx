import { useQuery } from '@tanstack/react-query';

import { api, ask } from '../../api/client';
import type { components } from '../../api/schema';
import { Chip } from '../../ui/Chip';
import { duration, exactTime, moment } from '../../ui/format';
import { CHANNEL, HOLD, OUTCOME, reason } from '../words';
import styles from './One.module.css';

type Session = components['schemas']['Session'];

/** What `GET /sessions/:id/replay` tells of one moment. */
interface Happened {
  type: string;
  at: string;
  hold?: keyof typeof HOLD;
  role?: string;
  text?: string;
  reason?: string | null;
}

/** One call or message from its making to its end. */
export function CallStory({ call }: { call: Session }) {
  const { id, channel, attempt, outcome, status, createdAt, durationMs } = call;
  const replay = useQuery({
    queryKey: ['calls', 'one', id, 'replay', status],
    queryFn: ({ signal }) =>
      ask(api.GET('/api/v1/sessions/{callId}/replay', { params: { path: { callId: id } }, signal })),
  });
  const events = (replay.data?.events ?? []) as Happened[];
  return (
    <article className={styles.call}>
      <div className={styles.callHead}>
        <b>
          {CHANNEL[channel]} {attempt}
        </b>
        {outcome ? (
          <Chip tone={OUTCOME[outcome].tone}>{OUTCOME[outcome].text}</Chip>
        ) : (
          <Chip tone="accent" isLive={status === 'ONGOING'}>
            {LIVE[status] ?? status.toLowerCase()}
          </Chip>
        )}
        <span className={styles.faint}>
          {moment(createdAt)}
          {durationMs != null && `, ${duration(durationMs)} long`}
        </span>
      </div>
      <ol className={styles.events}>
        {events.map((event) => (
          <li key={`${event.at} ${event.type} ${event.text ?? ''}`}>
            <span className={styles.faint}>{exactTime(event.at)}</span>
            <span>{words(event, call)}</span>
          </li>
        ))}
      </ol>
    </article>
  );
}

const LIVE: Readonly<Record<string, string>> = {
  PENDING: 'about to be placed',
  TRIGGERED: 'ringing',
  ONGOING: 'talking',
};

function words(event: Happened, call: Session): string {
  switch (event.type) {
    case 'created':
      return 'Made';
    case 'triggered':
      return call.fromNumber ? `Placed, showing ${call.fromNumber}` : 'Placed';
    case 'held':
      return event.hold ? `Waits: ${HOLD[event.hold].text.toLowerCase()}` : 'Waits';
    case 'answered':
      return 'Answered';
    case 'turn':
      return `${event.role}: ${event.text}`;
    case 'ended':
      return call.reason ? `Ended: ${reason(call.reason)}${call.code ? ` (${call.code})` : ''}` : 'Ended';
    default:
      return event.type;
  }
}
