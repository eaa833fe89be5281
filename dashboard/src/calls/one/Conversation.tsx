import { useQuery } from '@tanstack/react-query';
import { MessagesSquare } from 'lucide-react';

import { classes } from '../../ui/classes';
import { EmptyState } from '../../ui/EmptyState';
import { duration, exactTime } from '../../ui/format';
import { ErrorNote } from '../../ui/Note';
import { Card } from '../../ui/Page';
import { Skeleton } from '../../ui/Skeleton';
import { type Call, transcriptQuery } from '../queries';
import styles from './Conversation.module.css';

/** How the roles read that agents tell most; others are shown as they are. */
const ROLES: Readonly<Record<string, string>> = {
  agent: 'Agent',
  assistant: 'Agent',
  user: 'Callee',
  callee: 'Callee',
};

/** What was said, turn by turn. Where there is a recording, the time of a turn plays it. */
export function Conversation({
  call,
  at,
  onSeek,
}: {
  call: Call;
  /** Where one listens, in seconds from the answer. */
  at: number | null;
  onSeek: ((seconds: number) => void) | undefined;
}) {
  const { data, error, refetch } = useQuery(transcriptQuery(call.id, call.status));
  const start = call.answeredAt ? new Date(call.answeredAt).getTime() : null;
  const turns = (data?.transcript ?? []).map((turn) => ({
    ...turn,
    second: start === null ? null : Math.max((new Date(turn.ts).getTime() - start) / 1000, 0),
  }));
  const current = at === null || at === 0 ? -1 : turns.findLastIndex(({ second }) => second !== null && second <= at);
  return (
    <Card title="Conversation">
      {error ? (
        <ErrorNote error={error} onRetry={() => refetch()} />
      ) : data === undefined ? (
        <Skeleton />
      ) : turns.length === 0 ? (
        <EmptyState icon={MessagesSquare} title="No transcript">
          The program that talks can tell what was said, by <code>PUT /sessions/{'{id}'}/transcript</code>.
        </EmptyState>
      ) : (
        <ol className={styles.turns}>
          {turns.map(({ role, text, ts, second }, i) => {
            const who = ROLES[role] ?? role;
            const when = second === null ? exactTime(ts) : duration(second * 1000);
            return (
              <li
                // biome-ignore lint/suspicious/noArrayIndexKey: turns have no other name than their place
                key={i}
                className={classes(styles.turn, who === 'Callee' && styles.callee, i === current && styles.current)}
                aria-current={i === current || undefined}
              >
                <div className={styles.head}>
                  <b>{who}</b>
                  {onSeek && second !== null ? (
                    <button type="button" className={styles.time} onClick={() => onSeek(second)}>
                      <span className="unseen">Listen from </span>
                      {when}
                    </button>
                  ) : (
                    <span className={styles.time}>{when}</span>
                  )}
                </div>
                <p>{text}</p>
              </li>
            );
          })}
        </ol>
      )}
    </Card>
  );
}
