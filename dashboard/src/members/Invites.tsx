import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import { useCan, useMe, useWhyNot } from '../api/me';
import { ROLE } from '../keys/words';
import { Button } from '../ui/Button';
import { Confirm } from '../ui/Dialog';
import { ago } from '../ui/format';
import { ErrorNote } from '../ui/Note';
import { Card } from '../ui/Page';
import { type Column, Table } from '../ui/Table';
import { toast } from '../ui/toast';
import { type Invite, invitesQuery, withdraw } from './queries';

/** Who is invited and has not come yet; nothing for those who may not see that. */
export function Invites() {
  const can = useCan();
  return can('see invitations') ? <Open /> : null;
}

function Open() {
  const { workspace } = useMe();
  const list = useInfiniteQuery(invitesQuery(workspace.id));
  const invites = list.data?.pages.flatMap(({ items }) => items) ?? [];
  const why = useWhyNot()('manage members');
  const cache = useQueryClient();
  const [asked, setAsked] = useState<Invite | null>(null);
  const columns: Column<Invite>[] = [
    { name: 'E-mail', cell: ({ email }) => email },
    { name: 'Role', cell: ({ role }) => ROLE[role].text },
    { name: 'Ends', isWide: true, cell: ({ expiresAt }) => ago(expiresAt) },
    {
      name: 'What can be done',
      isUnnamed: true,
      isNumber: true,
      cell: (open) => (
        <Button variant="quiet" why={why} onClick={() => setAsked(open)}>
          Withdraw<span className="unseen"> the invitation of {open.email}</span>
        </Button>
      ),
    },
  ];
  if (invites.length === 0) return <ErrorNote error={list.error} onRetry={() => list.refetch()} />;
  return (
    <Card title="Invited" isFlush>
      <Table caption="Invitations" columns={columns} rows={invites} keyOf={({ id }) => id} />
      {asked && (
        <Confirm
          title={`Withdraw the invitation of ${asked.email}?`}
          confirm="Withdraw it"
          onClose={() => setAsked(null)}
          onConfirm={async () => {
            await withdraw(workspace.id, asked.id);
            toast('The invitation is withdrawn');
            await cache.invalidateQueries({ queryKey: ['members', 'invites'] });
          }}
        >
          The link they have leads nowhere from then on.
        </Confirm>
      )}
    </Card>
  );
}
