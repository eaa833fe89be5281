import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Plus, Webhook as WebhookIcon } from 'lucide-react';
import { useState } from 'react';

import { useWhyNot } from '../api/me';
import { Button } from '../ui/Button';
import { Chip } from '../ui/Chip';
import { EmptyState } from '../ui/EmptyState';
import { ago } from '../ui/format';
import { Page } from '../ui/Page';
import { PageCard, rowsOf } from '../ui/PageCard';
import { type Column, Table } from '../ui/Table';
import { EndpointDialog } from './EndpointDialog';
import { type Webhook, type WebhookMade, webhooksQuery } from './queries';
import { Secret } from './Secret';
import styles from './Webhooks.module.css';
import { shortUrl, stateOf, toldOf } from './words';

/** The endpoints that are told what happens. */
export function WebhooksPage() {
  const list = useInfiniteQuery(webhooksQuery);
  const endpoints = rowsOf(list);
  const [isMaking, setMaking] = useState(false);
  const [made, setMade] = useState<WebhookMade | null>(null);
  const why = useWhyNot()('edit webhooks');
  const make = (
    <Button variant="primary" why={why} onClick={() => setMaking(true)}>
      <Plus aria-hidden />
      New endpoint
    </Button>
  );
  return (
    <Page
      title="Webhooks"
      lead="Servers of yours that are told what happens: each fact is signed, and sent again for 24 hours until it is received."
      actions={make}
    >
      <PageCard list={list}>
        {endpoints.length > 0 ? (
          <Table caption="Endpoints" columns={COLUMNS} rows={endpoints} keyOf={({ id }) => id} />
        ) : (
          <EmptyState icon={WebhookIcon} title="No endpoints yet" action={make}>
            Give the address of a server of yours, and it hears when a call ends, a campaign is done or somebody
            answers.
          </EmptyState>
        )}
      </PageCard>
      {isMaking && (
        <EndpointDialog
          onSaved={(saved) => {
            setMaking(false);
            if ('signingSecret' in saved) setMade(saved);
          }}
          onClose={() => setMaking(false)}
        />
      )}
      {made && <Secret of={made} onClose={() => setMade(null)} />}
    </Page>
  );
}

const COLUMNS: Column<Webhook>[] = [
  {
    name: 'Endpoint',
    cell: ({ id, name, url }) => (
      <Link to="/webhooks/$webhookId" params={{ webhookId: id }} data-row>
        <Short text={name ?? shortUrl(url)} />
      </Link>
    ),
  },
  { name: 'Address', isWide: true, cell: ({ name, url }) => (name ? <Short text={shortUrl(url)} /> : '–') },
  { name: 'State', cell: (webhook) => <State webhook={webhook} /> },
  {
    name: 'Told of',
    isWide: true,
    cell: (webhook) => <Short text={toldOf(webhook)} />,
  },
  { name: 'Made', isWide: true, cell: ({ createdAt }) => ago(createdAt) },
];

/** In one line however long it is: the columns beside it stay in view. */
function Short({ text }: { text: string }) {
  return (
    <span className={styles.short} title={text}>
      {text}
    </span>
  );
}

function State({ webhook }: { webhook: Webhook }) {
  const { text, tone } = stateOf(webhook);
  return <Chip tone={tone}>{text}</Chip>;
}
