import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo } from 'react';

import { useLiveCampaign } from '../../api/use-live';
import { Chart } from '../../ui/Chart';
import { count, rate } from '../../ui/format';
import { ErrorNote } from '../../ui/Note';
import { Card } from '../../ui/Page';
import { timelineQuery } from '../queries';
import styles from './One.module.css';
import { columnsOf, withPoint } from './timeline';

/** Live calls, and calls per second, over time: what the server remembers, and what the stream adds. */
export function TimelineCharts({ campaignId }: { campaignId: string }) {
  const cache = useQueryClient();
  const query = timelineQuery(campaignId);
  const timeline = useQuery({ ...query, staleTime: Number.POSITIVE_INFINITY });
  const point = useLiveCampaign(campaignId)?.point;
  useEffect(() => {
    if (point) {
      cache.setQueryData(timelineQuery(campaignId).queryKey, (known) => (known ? withPoint(known, point) : known));
    }
  }, [cache, campaignId, point]);
  const columns = useMemo(() => (timeline.data ? columnsOf(timeline.data) : null), [timeline.data]);
  if (timeline.error) return <ErrorNote error={timeline.error} onRetry={() => timeline.refetch()} />;
  if (columns === null || columns.times.length < 2) return null;
  const { times, perSecond, ringing, talking } = columns;
  return (
    <div className={styles.cards}>
      <Card title="Live calls">
        <Chart
          label="Calls that talked and rang, over time"
          times={times}
          series={[
            { name: 'Talking', color: '--series-2', values: talking, format: whole, isFilled: true },
            { name: 'Ringing', color: '--series-3', values: ringing, format: whole },
          ]}
        />
      </Card>
      <Card title="Calls per second">
        <Chart
          label="Calls begun per second, over time"
          times={times}
          series={[{ name: 'Begun', color: '--series-1', values: perSecond, format: rate, isFilled: true }]}
        />
      </Card>
    </div>
  );
}

/** Means of a step are no whole numbers. */
const whole = (value: number): string => count(Math.round(value));
