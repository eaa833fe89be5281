import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';

import { useWhyNot } from '../api/me';
import { Button } from '../ui/Button';
import { Copy } from '../ui/Copy';
import { Confirm } from '../ui/Dialog';
import { moment } from '../ui/format';
import { ErrorNote } from '../ui/Note';
import { Card, Page } from '../ui/Page';
import { Skeleton } from '../ui/Skeleton';
import { Facts } from '../ui/Stat';
import { toast } from '../ui/toast';
import { written } from './attributes';
import { Calls, Replies } from './History';
import { LeadDialog } from './LeadDialog';
import styles from './Leads.module.css';
import { OptOuts } from './OptOuts';
import { deleteLead, type Lead, leadQuery } from './queries';

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
        <div className={styles.columns}>
          <div className={styles.column}>
            <Card title="Who they are">
              <Facts facts={factsOf(lead)} />
            </Card>
            <Card title="Attributes">
              <Attributes of={lead.attributes} />
            </Card>
          </div>
          <div className={styles.column}>
            <OptOuts lead={lead} />
            <Calls leadId={lead.id} />
            <Replies leadId={lead.id} />
          </div>
        </div>
      )}
    </Page>
  );
}

const factsOf = (lead: Lead): [string, ReactNode][] => [
  ['E-mail', lead.email ?? '–'],
  ['Time zone', lead.timezone ?? 'where the number belongs'],
  ['Known since', moment(lead.createdAt)],
  ['Changed', moment(lead.updatedAt)],
  [
    'Id',
    <span key="id">
      <code>{lead.id}</code> <Copy text={lead.id} what="the id" />
    </span>,
  ],
];

function Attributes({ of }: { of: unknown }) {
  const entries = Object.entries((of ?? {}) as Record<string, unknown>);
  if (entries.length === 0) return <p>None. They can hold whatever is known of the person.</p>;
  return <Facts facts={entries.map(([name, value]) => [name, written(value)])} />;
}

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
