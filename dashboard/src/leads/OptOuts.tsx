import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Plus } from 'lucide-react';
import { useState } from 'react';

import { useWhyNot } from '../api/me';
import { CHANNEL } from '../campaigns/words';
import { SOURCE } from '../suppressions/words';
import { Button } from '../ui/Button';
import { Chip } from '../ui/Chip';
import { Confirm } from '../ui/Dialog';
import { EmptyState } from '../ui/EmptyState';
import { moment } from '../ui/format';
import { Card } from '../ui/Page';
import { type Column, Table } from '../ui/Table';
import { toast } from '../ui/toast';
import styles from './Leads.module.css';
import { OptOutDialog } from './OptOutDialog';
import { type Lead, takeBack } from './queries';

type OptOut = Lead['optOuts'][number];

/** By what a lead must not be contacted, which is what stands on the suppression list. */
export function OptOuts({ lead }: { lead: Lead }) {
  const whyNot = useWhyNot();
  const cache = useQueryClient();
  const [isAdding, setAdding] = useState(false);
  const [asked, setAsked] = useState<OptOut | null>(null);
  const columns: Column<OptOut>[] = [
    { name: 'Not by', cell: ({ channel }) => channelOf(channel) },
    {
      name: 'From',
      cell: ({ source }) => <Chip tone={SOURCE[source].tone}>{SOURCE[source].text}</Chip>,
    },
    { name: 'Reason', isWide: true, cell: ({ reason }) => reason || '–' },
    { name: 'Since', isWide: true, cell: ({ createdAt }) => moment(createdAt) },
    { name: 'Until', isWide: true, cell: ({ expiresAt }) => (expiresAt ? moment(expiresAt) : 'for good') },
    {
      name: 'What can be done',
      isUnnamed: true,
      isNumber: true,
      cell: (optOut) => (
        <Button variant="quiet" why={whyNot('edit rules')} onClick={() => setAsked(optOut)}>
          Take back<span className="unseen"> {channelOf(optOut.channel)}</span>
        </Button>
      ),
    },
  ];
  return (
    <Card
      title="Opt-outs"
      isFlush
      actions={
        <Button why={whyNot('run campaigns')} onClick={() => setAdding(true)}>
          <Plus aria-hidden />
          Add an opt-out
        </Button>
      }
    >
      {lead.optOuts.length > 0 ? (
        <>
          <Table
            caption="Opt-outs"
            columns={columns}
            rows={lead.optOuts}
            keyOf={({ suppressionId }) => suppressionId}
          />
          <p className={styles.foot}>
            They stand on the{' '}
            <Link to="/suppressions" search={{ number: lead.number }}>
              suppression list
            </Link>{' '}
            and stay there when the lead is deleted.
          </p>
        </>
      ) : (
        <EmptyState title="They may be contacted on every channel">
          Add an opt-out when they ask to be left alone. Whoever answers STOP gets one by themselves.
        </EmptyState>
      )}
      {isAdding && <OptOutDialog lead={lead} onClose={() => setAdding(false)} />}
      {asked && (
        <Confirm
          title={`Take the opt-out of ${lead.number} back?`}
          confirm="Take it back"
          isDangerous={asked.source === 'STOP'}
          onClose={() => setAsked(null)}
          onConfirm={async () => {
            await takeBack(asked.suppressionId);
            toast('The opt-out is taken back');
            await cache.invalidateQueries({ queryKey: ['leads'] });
            await cache.invalidateQueries({ queryKey: ['suppressions'] });
          }}
        >
          {asked.source === 'STOP'
            ? 'They have said stop. To contact them again needs their consent, and you have to be able to show it.'
            : 'Campaigns may contact them again from then on.'}
        </Confirm>
      )}
    </Card>
  );
}

const channelOf = (channel: OptOut['channel']): string => (channel ? CHANNEL[channel] : 'any channel');
