import { useMutation } from '@tanstack/react-query';
import { Server } from 'lucide-react';
import { useState } from 'react';

import { api, ask } from '../api/client';
import { useWhyNot } from '../api/me';
import type { components } from '../api/schema';
import { Button } from '../ui/Button';
import { Chip } from '../ui/Chip';
import { Confirm } from '../ui/Dialog';
import { EmptyState } from '../ui/EmptyState';
import { ago, count, counted } from '../ui/format';
import { ErrorNote } from '../ui/Note';
import { Card } from '../ui/Page';
import { Progress } from '../ui/Progress';
import { type Column, Table } from '../ui/Table';
import { toast } from '../ui/toast';
import styles from './Workers.module.css';
import { stateOf } from './words';

type Worker = components['schemas']['FleetWorker'];

const drain = (workerId: string) =>
  ask(api.POST('/api/v1/fleet/workers/{workerId}/drain', { params: { path: { workerId } } }));
const resume = (workerId: string) =>
  ask(api.POST('/api/v1/fleet/workers/{workerId}/resume', { params: { path: { workerId } } }));

/** Whoever places calls and sends webhooks. */
export function Workers({ workers, version }: { workers: readonly Worker[]; version: string }) {
  const why = useWhyNot()('run the fleet');
  const [asked, setAsked] = useState<Worker | null>(null);
  const again = useMutation({
    mutationFn: ({ id }: Worker) => resume(id),
    onSuccess: () => toast('The worker takes calls again'),
  });
  const columns: Column<Worker>[] = [
    { name: 'Worker', cell: ({ id }) => <Name id={id} /> },
    { name: 'State', cell: (worker) => <State worker={worker} /> },
    { name: 'Live calls', cell: (worker) => <Load {...worker} /> },
    { name: 'Version', isWide: true, cell: (worker) => <Version worker={worker} server={version} /> },
    { name: 'Started', isWide: true, cell: ({ startedAt }) => ago(startedAt) },
    {
      name: 'What can be done',
      isUnnamed: true,
      isNumber: true,
      cell: (worker) =>
        worker.askedToDrain ? (
          <Button
            why={why}
            isPending={again.isPending && again.variables.id === worker.id}
            onClick={() => again.mutate(worker)}
          >
            Resume<span className="unseen"> {worker.id}</span>
          </Button>
        ) : (
          <Button why={why} onClick={() => setAsked(worker)}>
            Drain<span className="unseen"> {worker.id}</span>
          </Button>
        ),
    },
  ];
  return (
    <Card title="Workers" isFlush>
      <ErrorNote error={again.error} />
      {workers.length === 0 ? (
        <EmptyState icon={Server} title="No worker is running">
          Nothing is called and nothing is sent until one is. Start it with <code>ringfleet worker</code>.
        </EmptyState>
      ) : (
        <Table caption="Workers" columns={columns} rows={workers} keyOf={({ id }) => id} />
      )}
      {asked && (
        <Confirm
          title="Drain this worker?"
          confirm="Drain the worker"
          onConfirm={async () => {
            await drain(asked.id);
            toast('The worker takes no more calls');
          }}
          onClose={() => setAsked(null)}
        >
          {asked.live > 0
            ? `Its ${counted(asked.live, 'live call')} go on to their end; it takes no new ones.`
            : 'It takes no new calls.'}{' '}
          The others take over what waits
          {workers.length === 1 && ', but there are no others: nothing is called until it is resumed'}.
        </Confirm>
      )}
    </Card>
  );
}

/** Ids are long, and what tells two apart is at their end. */
function Name({ id }: { id: string }) {
  return (
    <code title={id} className={styles.name}>
      <span aria-hidden>…{id.slice(-8)}</span>
      <span className="unseen">{id}</span>
    </code>
  );
}

function State({ worker }: { worker: Worker }) {
  const { text, tone, meaning } = stateOf(worker);
  return (
    <span title={meaning}>
      <Chip tone={tone} isLive={tone === 'good'}>
        {text}
      </Chip>
    </span>
  );
}

function Version({ worker, server }: { worker: Worker; server: string }) {
  return (
    <span className={styles.version}>
      {worker.version}
      {worker.version !== server && <Chip tone="warn">another one</Chip>}
    </span>
  );
}

function Load({ id, live, capacity }: Worker) {
  const isNearlyFull = live > capacity * 0.9;
  return (
    <div className={styles.load}>
      <Progress
        label={`Live calls of ${id}`}
        total={capacity}
        parts={[{ count: live, tone: isNearlyFull ? 'warn' : 'good' }]}
      />
      <span>
        {count(live)} of {count(capacity)}
      </span>
    </div>
  );
}
