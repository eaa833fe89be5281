import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { KeyRound, Plus } from 'lucide-react';
import { useState } from 'react';

import { useWhyNot } from '../api/me';
import { Button } from '../ui/Button';
import { Confirm } from '../ui/Dialog';
import { EmptyState } from '../ui/EmptyState';
import { ago, moment } from '../ui/format';
import { Menu } from '../ui/Menu';
import { ErrorNote, Note } from '../ui/Note';
import { Card, Page } from '../ui/Page';
import { Skeleton } from '../ui/Skeleton';
import { type Column, Table } from '../ui/Table';
import { toast } from '../ui/toast';
import { NewKeyDialog } from './NewKeyDialog';
import { type ApiKey, type KeyMade, keysQuery, revokeKey, rotateKey } from './queries';
import { Shown } from './Shown';
import { ROLE, scopesOf } from './words';

/** The keys by which programs use this workspace. */
export function KeysPage() {
  const whyNot = useWhyNot();
  const hidden = whyNot('see keys');
  return (
    <Page
      title="API keys"
      lead="Each of your programs gets a key of its own, so that one can be taken back alone."
      actions={hidden === undefined && <Make why={whyNot('manage keys')} />}
    >
      {hidden === undefined ? <Keys why={whyNot('manage keys')} /> : <Note>{hidden}</Note>}
    </Page>
  );
}

function Make({ why }: { why: string | undefined }) {
  const [isMaking, setMaking] = useState(false);
  const [made, setMade] = useState<KeyMade | null>(null);
  return (
    <>
      <Button variant="primary" why={why} onClick={() => setMaking(true)}>
        <Plus aria-hidden />
        New key
      </Button>
      {isMaking && (
        <NewKeyDialog
          onMade={(key) => {
            setMaking(false);
            setMade(key);
          }}
          onClose={() => setMaking(false)}
        />
      )}
      {made && <Shown of={made} onClose={() => setMade(null)} />}
    </>
  );
}

function Keys({ why }: { why: string | undefined }) {
  const list = useInfiniteQuery(keysQuery);
  const keys = list.data?.pages.flatMap(({ items }) => items) ?? [];
  const cache = useQueryClient();
  const renew = () => cache.invalidateQueries({ queryKey: ['keys'] });
  const [asked, setAsked] = useState<{ what: 'rotate' | 'revoke'; key: ApiKey } | null>(null);
  const [made, setMade] = useState<KeyMade | null>(null);
  const columns: Column<ApiKey>[] = [
    {
      name: 'Name',
      cell: ({ name, prefix }) => (
        <>
          <b>{name}</b> <code>{prefix}…</code>
        </>
      ),
    },
    { name: 'Role', cell: ({ role }) => ROLE[role].text },
    { name: 'May', isWide: true, cell: ({ scopes }) => scopesOf(scopes) },
    { name: 'Last used', isWide: true, cell: ({ lastUsedAt }) => (lastUsedAt ? ago(lastUsedAt) : 'never') },
    { name: 'Ends', isWide: true, cell: ({ expiresAt }) => (expiresAt ? moment(expiresAt) : 'never') },
    {
      name: 'What can be done',
      isUnnamed: true,
      isNumber: true,
      cell: (key) => (
        <Menu
          trigger="…"
          label={`What can be done with ${key.name}`}
          isQuiet
          choices={[
            { label: 'Rotate', why, onChoose: () => setAsked({ what: 'rotate', key }) },
            { label: 'Revoke', why, isDanger: true, onChoose: () => setAsked({ what: 'revoke', key }) },
          ]}
        />
      ),
    },
  ];
  return (
    <>
      <ErrorNote error={list.error} onRetry={() => list.refetch()} />
      <Card isFlush>
        {list.isPending ? (
          <Skeleton lines={4} />
        ) : keys.length > 0 ? (
          <Table caption="API keys" columns={columns} rows={keys} keyOf={({ id }) => id} />
        ) : (
          <EmptyState icon={KeyRound} title="No keys yet">
            A key lets a program of yours do what you do here, over the API.
          </EmptyState>
        )}
      </Card>
      {list.hasNextPage && (
        <div>
          <Button isPending={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
            Show older ones
          </Button>
        </div>
      )}
      {asked?.what === 'rotate' && (
        <Confirm
          title={`Rotate ${asked.key.name}?`}
          confirm="Rotate the key"
          onClose={() => setAsked(null)}
          onConfirm={async () => {
            setMade(await rotateKey(asked.key.id));
            await renew();
          }}
        >
          It gets a new secret, and the old one is refused from then on: what uses it stops until it has the new one.
        </Confirm>
      )}
      {asked?.what === 'revoke' && (
        <Confirm
          title={`Revoke ${asked.key.name}?`}
          confirm="Revoke the key"
          isDangerous
          onClose={() => setAsked(null)}
          onConfirm={async () => {
            await revokeKey(asked.key.id);
            toast(`${asked.key.name} is revoked`);
            await renew();
          }}
        >
          It is refused from now on, everywhere and for ever.
        </Confirm>
      )}
      {made && <Shown of={made} onClose={() => setMade(null)} />}
    </>
  );
}
