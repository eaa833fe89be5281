import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import type { ReactNode } from 'react';

import { agentQuery } from '../../agents/queries';
import { useWhyNot } from '../../api/me';
import { campaignQuery } from '../../campaigns/queries';
import { CHANNEL, reason } from '../../campaigns/words';
import { Copy } from '../../ui/Copy';
import { duration, moment, span } from '../../ui/format';
import { ErrorNote } from '../../ui/Note';
import { Card, Page } from '../../ui/Page';
import { Skeleton } from '../../ui/Skeleton';
import { Facts, Stat, Stats } from '../../ui/Stat';
import { useNow } from '../../ui/use-now';
import { CallChip } from '../CallChip';
import { type Call, callQuery } from '../queries';
import { answerOf, ENDED_BY, GUESS, isLive } from '../words';
import styles from './CallPage.module.css';
import { HandOn } from './HandOn';
import { Listen } from './Listen';
import { Story } from './Story';

/** One call, with all that is known of it. */
export function CallPage() {
  const { callId } = useParams({ from: '/shell/calls/$callId' });
  const { data: call, error, refetch } = useQuery(callQuery(callId));
  const whyNot = useWhyNot();
  const isCall = call?.channel === 'voice';
  return (
    <Page
      title={call?.toNumber ?? 'Call'}
      crumb={<Link to="/calls">Calls</Link>}
      aside={call && <CallChip status={call.status} />}
      actions={call && isCall && <HandOn call={call} why={whyNot('run campaigns')} />}
    >
      <ErrorNote error={error} onRetry={() => refetch()} />
      {call === undefined && !error && (
        <Card>
          <Skeleton lines={6} />
        </Card>
      )}
      {call && (
        <>
          {isCall && <Figures call={call} />}
          <div className={styles.columns}>
            <div className={styles.column}>{isCall && <Listen call={call} />}</div>
            <div className={styles.column}>
              <Story call={call} />
              <Details call={call} />
            </div>
          </div>
        </>
      )}
    </Page>
  );
}

function Figures({ call }: { call: Call }) {
  const now = useNow();
  const begun = ms(call.startedAt);
  const answered = ms(call.answeredAt);
  const ended = ms(call.endedAt) ?? (isLive(call.status) ? now.getTime() : null);
  const rang = begun === null ? null : (answered ?? ended ?? begun) - begun;
  const talked = answered === null || ended === null ? null : ended - answered;
  const { speech } = call;
  return (
    <Stats>
      <Stat label="Rang for" value={rang === null ? '–' : `${(Math.max(rang, 0) / 1000).toFixed(1)} s`} />
      <Stat label="Talked for" value={talked === null ? '–' : duration(Math.max(talked, 0))} />
      <Stat
        label="First words"
        value={speech ? `${(speech.firstMs / 1000).toFixed(1)} s` : '–'}
        note={speech ? `after ${(speech.silenceMs / 1000).toFixed(1)} s of silence` : 'not measured'}
      />
      <Stat
        label="Person or machine"
        value={speech?.guess ? GUESS[speech.guess] : '–'}
        note={speech?.guess && 'by how it began'}
      />
      <Stat label="Keys pressed" value={call.digits || '–'} />
    </Stats>
  );
}

const ms = (at: string | null | undefined): number | null => (at ? new Date(at).getTime() : null);

function Details({ call }: { call: Call }) {
  const agent = useQuery(agentQuery(call.agentId)).data;
  const campaign = call.campaignId ? <CampaignLink id={call.campaignId} /> : 'None, it was placed alone';
  const facts: [string, ReactNode][] = [
    ['Channel', CHANNEL[call.channel]],
    ['Shown number', call.fromNumber ?? '–'],
    ['Campaign', campaign],
    ['Agent', `${agent?.name ?? call.agentId}${call.versionId ? `, ${call.versionId}` : ''}`],
    ['Attempt', call.attempt],
  ];
  if (call.reason) facts.push(['Why', reason(call.reason)]);
  if (call.code) facts.push(['Answer of the trunk', answerOf(call.code)]);
  if (call.endedBy) facts.push(['Ended by', ENDED_BY[call.endedBy]]);
  if (call.transferredTo) facts.push(['Handed on to', call.transferredTo]);
  facts.push(['Created', moment(call.createdAt)]);
  if (call.endedAt)
    facts.push(['All in all', span(new Date(call.endedAt).getTime() - new Date(call.createdAt).getTime())]);
  facts.push([
    'Id',
    <span key="id" className={styles.id}>
      <code>{call.id}</code>
      <Copy text={call.id} what="the id" />
    </span>,
  ]);
  const metadata = call.metadata as Record<string, unknown> | null;
  return (
    <>
      <Card title="Details">
        <Facts facts={facts} />
      </Card>
      {metadata && Object.keys(metadata).length > 0 && (
        <Card title="Metadata">
          <Facts facts={Object.entries(metadata).map(([name, value]) => [name, written(value)])} />
        </Card>
      )}
    </>
  );
}

const written = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

function CampaignLink({ id }: { id: string }) {
  const { data } = useQuery(campaignQuery(id));
  return (
    <Link to="/campaigns/$campaignId" params={{ campaignId: id }}>
      {data?.name ?? id}
    </Link>
  );
}
