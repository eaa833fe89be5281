import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';

import { useLiveCampaign } from '../../api/use-live';
import { Bars } from '../../ui/Bars';
import { ago, count, moment, percent, rate } from '../../ui/format';
import { ErrorNote } from '../../ui/Note';
import { Card } from '../../ui/Page';
import { Progress } from '../../ui/Progress';
import { Skeleton } from '../../ui/Skeleton';
import { Stat, Stats } from '../../ui/Stat';
import { Blocked } from '../create/PreflightResult';
import { type CampaignStats, preflightQuery, statsQuery } from '../queries';
import { DISPOSITION, HOLD, OUTCOME } from '../words';
import { HourColumns } from './HourColumns';
import styles from './One.module.css';
import { TimelineCharts } from './TimelineCharts';

/** How a campaign goes, as it goes. */
export function Overview() {
  const { campaignId } = useParams({ from: '/shell/campaigns/$campaignId' });
  const live = useLiveCampaign(campaignId);
  const asked = useQuery({ ...statsQuery(campaignId), enabled: live === undefined });
  const stats = live?.stats ?? asked.data;
  if (stats === undefined) {
    return asked.error ? <ErrorNote error={asked.error} onRetry={() => asked.refetch()} /> : <Skeleton lines={6} />;
  }
  const { recipients, calls } = stats;
  const reached = recipients.byDisposition.REACHED ?? 0;
  return (
    <div className={styles.stack}>
      {isStuck(stats) && <Stuck campaignId={campaignId} />}
      <Stats>
        <Stat
          label="Done"
          value={count(recipients.done)}
          note={`of ${count(recipients.total)}${recipients.total > 0 ? `, ${percent(recipients.done / recipients.total)}` : ''}`}
        />
        <Stat
          label="Reached"
          value={count(reached)}
          note={recipients.done > 0 ? `${percent(reached / recipients.done)} of those done` : undefined}
        />
        <Stat label="Talking" value={count(calls.talking)} note={`${count(calls.ringing)} ringing`} />
        <Stat
          label="Calls over"
          value={count(calls.ended)}
          note={live?.point ? rate(live.point.perSecond) : undefined}
        />
        <Stat
          label="Answered"
          value={calls.answerRate == null ? '–' : percent(calls.answerRate)}
          note="of those over"
        />
        <Finish stats={stats} />
      </Stats>
      <Whole stats={stats} />
      <TimelineCharts campaignId={campaignId} />
      <Cards stats={stats} />
    </div>
  );
}

/** Whether it calls, somebody is to be called now, and there is no call. */
const isStuck = ({ status, calls, recipients }: CampaignStats): boolean =>
  status === 'IN_PROGRESS' && calls.ringing + calls.talking === 0 && recipients.queued + recipients.active > 0;

/** Why a campaign that calls has no call, where nobody can be called at all. */
function Stuck({ campaignId }: { campaignId: string }) {
  const preflight = useQuery({ ...preflightQuery(campaignId), refetchInterval: 60_000 });
  return <Blocked why={preflight.data?.blocked ?? []} />;
}

function Finish({ stats: { expectedFinish, status } }: { stats: CampaignStats }) {
  if (expectedFinish) return <Stat label="Expected finish" value={moment(expectedFinish)} note={ago(expectedFinish)} />;
  return <Stat label="Expected finish" value="–" note={status === 'IN_PROGRESS' ? 'not known yet' : 'not calling'} />;
}

function Whole({ stats: { recipients } }: { stats: CampaignStats }) {
  const reached = recipients.byDisposition.REACHED ?? 0;
  const underway = recipients.queued + recipients.active;
  return (
    <div className={styles.whole}>
      <Progress
        label="Recipients that are done"
        total={recipients.total}
        parts={[
          { count: reached, tone: 'good' },
          { count: recipients.done - reached, tone: 'plain' },
        ]}
      />
      <p className={styles.legend}>
        <span>{count(reached)} reached</span>
        <span>{count(recipients.done - reached)} ended otherwise</span>
        <span>{count(underway)} being called</span>
        <span>{count(recipients.pending)} waiting</span>
      </p>
    </div>
  );
}

function Cards({ stats: { recipients, calls, holds, seats } }: { stats: CampaignStats }) {
  const outcomes = nonZero(calls.byOutcome, OUTCOME).map(([key, n]) => ({ ...named(OUTCOME[key]), count: n }));
  const ends = nonZero(recipients.byDisposition, DISPOSITION).map(([key, n]) => ({
    ...named(DISPOSITION[key]),
    count: n,
  }));
  const waiting = nonZero(holds, HOLD).map(([key, n]) => ({
    name: HOLD[key].text,
    note: HOLD[key].meaning,
    tone: 'warn' as const,
    count: n,
  }));
  return (
    <div className={styles.cards}>
      <Card title="What calls came to">
        {outcomes.length > 0 ? (
          <Bars rows={outcomes} total={calls.ended} />
        ) : (
          <p className={styles.faint}>No call is over yet.</p>
        )}
      </Card>
      {recipients.done < recipients.total && (
        <Card title="Why others wait">
          {waiting.length > 0 ? <Bars rows={waiting} /> : <p className={styles.faint}>Nobody waits.</p>}
        </Card>
      )}
      <Card title="How recipients ended">
        {ends.length > 0 ? (
          <Bars rows={ends} total={recipients.done} />
        ) : (
          <p className={styles.faint}>Nobody is done yet.</p>
        )}
      </Card>
      {calls.byHour.length > 0 && (
        <Card title="Answered by hour">
          <HourColumns hours={calls.byHour} />
        </Card>
      )}
      {seats && (
        <Card title="Seats">
          <Bars
            total={seats.count}
            rows={[
              { name: 'Taken', count: seats.busy, tone: 'good' },
              { name: 'Free', count: seats.free, tone: 'plain' },
            ]}
          />
        </Card>
      )}
    </div>
  );
}

const named = ({ text, tone }: (typeof OUTCOME)[keyof typeof OUTCOME]) => ({ name: text, tone });

/** What is counted at all, the most first. */
function nonZero<K extends string>(
  counts: Readonly<Record<string, number>>,
  words: Readonly<Record<K, unknown>>,
): [K, number][] {
  const known = Object.entries(counts).filter(([key, n]) => n > 0 && key in words) as [K, number][];
  return known.sort((a, b) => b[1] - a[1]);
}
