import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import type { ReactNode } from 'react';

import { useWhyNot } from '../api/me';
import { reason } from '../campaigns/words';
import { Button, ButtonLink } from '../ui/Button';
import { Chip } from '../ui/Chip';
import { Copy } from '../ui/Copy';
import { ago, count, counted, moment, rate } from '../ui/format';
import { ErrorNote, Note } from '../ui/Note';
import { Card, Page } from '../ui/Page';
import { Skeleton } from '../ui/Skeleton';
import { Facts, Stat, Stats } from '../ui/Stat';
import { Callbacks } from './Callbacks';
import { FIELDS, type FieldOf, hasCallerId } from './fields';
import { LOOK, type Trunk, trunkQuery } from './queries';
import { TrunkSwitch } from './TrunkSwitch';
import { HEALTH, KIND, ROTATION } from './words';

/** One trunk: how it is, what it does, and how it is set up. */
export function TrunkPage() {
  const { trunkId } = useParams({ from: '/shell/trunks/$trunkId' });
  const { data: trunk, error, refetch, isPending } = useQuery({ ...trunkQuery(trunkId), refetchInterval: LOOK });
  return (
    <Page
      title={trunk?.name ?? 'Trunk'}
      crumb={<Link to="/trunks">Trunks</Link>}
      aside={trunk && <Chip tone={HEALTH[trunk.health.status].tone}>{HEALTH[trunk.health.status].text}</Chip>}
      actions={
        trunk && (
          <>
            <Change trunkId={trunkId} />
            <TrunkSwitch trunk={trunk} />
          </>
        )
      }
    >
      <ErrorNote error={error} onRetry={() => refetch()} />
      {isPending && (
        <Card>
          <Skeleton lines={5} />
        </Card>
      )}
      {trunk && (
        <>
          <Health trunk={trunk} />
          <Stats>
            <Stat
              label="On it now"
              value={count(trunk.liveCalls)}
              note={trunk.limits.maxLiveCalls ? `of ${count(trunk.limits.maxLiveCalls)}` : 'no limit'}
            />
            <Stat
              label="Begins at most"
              value={trunk.limits.callsPerSecond ? rate(trunk.limits.callsPerSecond) : '–'}
              note={trunk.limits.callsPerSecond ? undefined : 'no limit'}
            />
            <Stat
              label="Rests in a row"
              value={count(trunk.health.restsInARow)}
              note="after trouble, each longer than the one before"
            />
          </Stats>
          <Card title="How it is set up">
            <Facts facts={factsOf(trunk)} />
          </Card>
          <Callbacks trunk={trunk} />
        </>
      )}
    </Page>
  );
}

function Change({ trunkId }: { trunkId: string }) {
  const why = useWhyNot()('edit trunks');
  return why === undefined ? (
    <ButtonLink to="/trunks/$trunkId/edit" params={{ trunkId }}>
      Change
    </ButtonLink>
  ) : (
    <Button why={why}>Change</Button>
  );
}

function Health({ trunk: { health } }: { trunk: Trunk }) {
  if (health.status === 'OPEN') return null;
  const { tone, meaning } = HEALTH[health.status];
  return (
    <Note tone={tone}>
      {meaning} {health.status !== 'STOPPED' && health.reason && `Its trouble: ${reason(health.reason)}. `}
      {health.since && `Since ${moment(health.since)}. `}
      {health.nextProbeAt && `It is asked again ${ago(health.nextProbeAt)}.`}
    </Note>
  );
}

/** What the API shows of a trunk: its secrets it never does. */
function factsOf(trunk: Trunk): [string, ReactNode][] {
  const known = trunk as unknown as Readonly<Record<string, unknown>>;
  const isThere = (value: unknown) => value != null && value !== '' && JSON.stringify(value) !== '{}';
  const own = FIELDS[trunk.kind].filter(({ is, name }) => is !== 'secret' && isThere(known[name]));
  const stream = known.stream as { url: string } | null | undefined;
  return [
    ['Kind', `${KIND[trunk.kind].text}: ${KIND[trunk.kind].meaning}`],
    ...own.map((field): [string, ReactNode] => [field.label, shown(field, known[field.name])]),
    ...(trunk.hasPassword ? [['Password or token', 'set, and never shown'] as [string, ReactNode]] : []),
    ...(stream ? [['Audio goes to', stream.url] as [string, ReactNode]] : []),
    ...(hasCallerId(trunk.kind) ? [['Caller ID', trunk.callerId ?? '–'] as [string, ReactNode]] : []),
    ...poolOf(trunk),
    ['Made', moment(trunk.createdAt)],
    [
      'Id',
      <span key="id">
        <code>{trunk.id}</code> <Copy text={trunk.id} what="the id" />
      </span>,
    ],
  ];
}

function shown({ is }: FieldOf, value: unknown): string {
  if (is === 'check') return value ? 'yes' : 'no';
  if (Array.isArray(is)) return is.find(([option]) => option === value)?.[1] ?? String(value);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** The numbers that campaigns without any of their own show. */
function poolOf({ callerIds }: Trunk): [string, ReactNode][] {
  if (!callerIds) return [];
  const { numbers, rotation, dailyCap } = callerIds;
  return [
    ['Numbers in turn', numbers.join(', ')],
    ['Which one comes next', ROTATION[rotation]],
    ['Each shown a day', dailyCap ? `at most ${counted(dailyCap, 'time')}` : 'any number of times'],
  ];
}
