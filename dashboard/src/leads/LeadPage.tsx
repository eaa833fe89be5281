import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';

import { useWhyNot } from '../api/me';
import { CHANNEL, OUTCOME, reason } from '../campaigns/words';
import { Button } from '../ui/Button';
import { Chip } from '../ui/Chip';
import { Confirm } from '../ui/Dialog';
import { EmptyState } from '../ui/EmptyState';
import { moment } from '../ui/format';
import { ErrorNote } from '../ui/Note';
import { Card, Page } from '../ui/Page';
import { Skeleton } from '../ui/Skeleton';
import { Facts } from '../ui/Stat';
import { type Column, Table } from '../ui/Table';
import { toast } from '../ui/toast';
import { written } from './attributes';
import { LeadDialog } from './LeadDialog';
import { deleteLead, type Lead, leadCallsQuery, leadQuery, repliesQuery } from './queries';

/** One person: what is known, what they must not get, what they got, and what they wrote. */
export function LeadPage() {
  const { leadId } = useParams({ from: '/shell/leads/$leadId' });
  const { data: lead, error, refetch, isPending } = useQuery(leadQuery(leadId));
  return (
    <Page
      title={lead?.number ?? 'Lead'}
      crumb={<Link to="/leads">Leads</Link>}
      actions={lead && <Actions lead={lead} />}
    >
      <ErrorNote error={error} onRetry={() => refetch()} />
      {isPending && (
        <Card>
          <Skeleton lines={5} />
        </Card>
      )}
      {lead && (
        <>
          <Card title="Details">
            <Facts facts={factsOf(lead)} />
          </Card>
          <OptOuts lead={lead} />
          <Calls leadId={lead.id} />
          <Replies leadId={lead.id} />
        </>
      )}
    </Page>
  );
}

const factsOf = (lead: Lead): [string, ReactNode][] => [
  ['E-mail', lead.email ?? '–'],
  ['Time zone', lead.timezone ?? 'where the number belongs'],
  ...Object.entries((lead.attributes ?? {}) as Record<string, unknown>).map(([name, value]): [string, ReactNode] => [
    name,
    written(value),
  ]),
  ['Known since', moment(lead.createdAt)],
];

function Actions({ lead }: { lead: Lead }) {
  const why = useWhyNot()('run campaigns');
  const [open, setOpen] = useState<'edit' | 'delete' | null>(null);
  const navigate = useNavigate();
  const cache = useQueryClient();
  const close = () => setOpen(null);
  return (
    <>
      <Button why={why} onClick={() => setOpen('edit')}>
        Change
      </Button>
      <Button why={why} onClick={() => setOpen('delete')}>
        Delete
      </Button>
      {open === 'edit' && <LeadDialog of={lead} onSaved={close} onClose={close} />}
      {open === 'delete' && (
        <Confirm
          title={`Delete ${lead.number}?`}
          confirm="Delete the lead"
          isDangerous
          onClose={close}
          onConfirm={async () => {
            await deleteLead(lead.id);
            toast('Lead deleted');
            await navigate({ to: '/leads' });
            cache.removeQueries({ queryKey: ['leads', 'one', lead.id] });
            await cache.invalidateQueries({ queryKey: ['leads', 'list'] });
          }}
        >
          What is known of the person is deleted; calls, and where they have opted out, stay. Whoever asks to be
          forgotten has to be erased instead.
        </Confirm>
      )}
    </>
  );
}

const OUT: Column<Lead['optOuts'][number]>[] = [
  { name: 'Not by', cell: ({ channel }) => (channel ? CHANNEL[channel] : 'any channel') },
  { name: 'Reason', cell: ({ reason: why }) => why || '–' },
  { name: 'Since', cell: ({ createdAt }) => moment(createdAt) },
  { name: 'Until', isWide: true, cell: ({ expiresAt }) => (expiresAt ? moment(expiresAt) : 'for good') },
];

function OptOuts({ lead }: { lead: Lead }) {
  if (lead.optOuts.length === 0) return null;
  return (
    <Card
      title="Must not be contacted"
      isFlush
      actions={
        <Link to="/suppressions" search={{ number: lead.number }}>
          On the list of suppressions
        </Link>
      }
    >
      <Table caption="Opt-outs" columns={OUT} rows={lead.optOuts} keyOf={({ suppressionId }) => suppressionId} />
    </Card>
  );
}

function Calls({ leadId }: { leadId: string }) {
  const calls = useQuery(leadCallsQuery(leadId));
  const rows = calls.data ?? [];
  const columns: Column<(typeof rows)[number]>[] = [
    {
      name: 'Channel',
      cell: ({ id, channel }) => (
        <Link to="/calls/$callId" params={{ callId: id }} data-row>
          {CHANNEL[channel]}
        </Link>
      ),
    },
    {
      name: 'Outcome',
      cell: ({ outcome }) => (outcome ? <Chip tone={OUTCOME[outcome].tone}>{OUTCOME[outcome].text}</Chip> : '–'),
    },
    { name: 'Why', isWide: true, cell: (call) => (call.reason ? reason(call.reason) : '–') },
    { name: 'When', cell: ({ createdAt }) => moment(createdAt) },
  ];
  return (
    <Card title="Calls and messages" isFlush>
      <ErrorNote error={calls.error} onRetry={() => calls.refetch()} />
      {calls.isPending ? (
        <Skeleton />
      ) : rows.length > 0 ? (
        <Table caption="Calls and messages" columns={columns} rows={rows} keyOf={({ id }) => id} />
      ) : (
        <EmptyState title="Nobody has called them lately" />
      )}
    </Card>
  );
}

function Replies({ leadId }: { leadId: string }) {
  const { data: replies = [], error, refetch } = useQuery(repliesQuery(leadId));
  const columns: Column<(typeof replies)[number]>[] = [
    { name: 'By', cell: ({ channel }) => CHANNEL[channel] },
    {
      name: 'What they wrote',
      cell: ({ text, isStop }) => (
        <>
          {text} {isStop && <Chip tone="warn">they said stop</Chip>}
        </>
      ),
    },
    { name: 'When', cell: ({ receivedAt }) => moment(receivedAt) },
  ];
  if (replies.length === 0) return <ErrorNote error={error} onRetry={() => refetch()} />;
  return (
    <Card title="What they wrote" isFlush>
      <Table
        caption="What they wrote"
        columns={columns}
        rows={replies}
        keyOf={({ receivedAt, text }) => `${receivedAt} ${text}`}
      />
    </Card>
  );
}
