import { useQuery } from '@tanstack/react-query';

import { trunksQuery } from '../../trunks/queries';
import { classes } from '../../ui/classes';
import { exactTime, span } from '../../ui/format';
import { ErrorNote } from '../../ui/Note';
import { Card } from '../../ui/Page';
import { Skeleton } from '../../ui/Skeleton';
import { type Call, replayQuery } from '../queries';
import styles from './Story.module.css';
import { storyOf } from './story';

/** How a call went, step by step, and what passed between two steps. */
export function Story({ call }: { call: Call }) {
  const { data, error, refetch } = useQuery(replayQuery(call.id, call.status));
  const trunks = useQuery(trunksQuery).data?.items ?? [];
  const steps = storyOf(data ?? [], new Map(trunks.map(({ id, name }) => [id, name])));
  return (
    <Card title="Timeline">
      {error ? (
        <ErrorNote error={error} onRetry={() => refetch()} />
      ) : data === undefined ? (
        <Skeleton lines={4} />
      ) : (
        <ol className={styles.steps}>
          {steps.map(({ title, more, tone, at }, i) => (
            <li key={`${title} ${at}`} className={classes(styles.step, styles[tone])}>
              <div className={styles.head}>
                <b>{title}</b>
                <span className={styles.time}>
                  {at === null ? 'now' : exactTime(at)}
                  {at !== null && since(steps[i - 1]?.at, at)}
                </span>
              </div>
              {more.length > 0 && <p>{more.join(' · ')}</p>}
            </li>
          ))}
        </ol>
      )}
    </Card>
  );
}

/** ` +3 s` after the step before; nothing where that is no time at all. */
function since(before: string | null | undefined, at: string): string {
  const ms = before ? new Date(at).getTime() - new Date(before).getTime() : 0;
  if (ms < 10) return '';
  return ms < 1_000 ? ` · +${ms} ms` : ` · +${ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : span(ms)}`;
}
