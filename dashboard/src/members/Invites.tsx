import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { Ellipsis } from 'lucide-react';
import { useState } from 'react';

import { useCan, useMe } from '../api/me';
import { ROLE } from '../keys/words';
import { Confirm } from '../ui/Dialog';
import { ago, moment } from '../ui/format';
import { Menu } from '../ui/Menu';
import { ErrorNote } from '../ui/Note';
import { Card } from '../ui/Page';
import { More, rowsOf } from '../ui/PageCard';
import { type Column, Table } from '../ui/Table';
import { toast } from '../ui/toast';
import type { Invited } from './InviteDialog';
import styles from './Members.module.css';
import { type Invite, invitesQuery, withdraw } from './queries';

/** Who is invited and has not come yet; nothing for those who may not see that. */
export function Invites(props: { why: string | undefined; onInvite: (invited: Invited) => void }) {
  const can = useCan();
  return can('see invitations') ? <Open {...props} /> : null;
}

function Open({ why, onInvite }: { why: string | undefined; onInvite: (invited: Invited) => void }) {
  const { workspace } = useMe();
  const list = useInfiniteQuery(invitesQuery(workspace.id));
  const invites = rowsOf(list);
  const cache = useQueryClient();
  const [asked, setAsked] = useState<Invite | null>(null);
  const columns: Column<Invite>[] = [
    {
      name: 'E-mail',
      cell: ({ email, createdAt, expiresAt }) => (
        <div className={styles.name}>
          <span>{email}</span>
          <span className={styles.faint}>
            Invited {moment(createdAt)}, the link ends {ago(expiresAt)}
          </span>
        </div>
      ),
    },
    { name: 'Role', cell: ({ role }) => ROLE[role].text },
    {
      name: 'What can be done',
      isUnnamed: true,
      isNumber: true,
      cell: (open) => (
        <Menu
          trigger={<Ellipsis aria-hidden />}
          label={`What can be done with the invitation of ${open.email}`}
          isQuiet
          choices={[
            { label: 'Invite again', why, onChoose: () => onInvite(open) },
            { label: 'Withdraw', why, isDanger: true, onChoose: () => setAsked(open) },
          ]}
        />
      ),
    },
  ];
  if (invites.length === 0) return <ErrorNote error={list.error} onRetry={() => list.refetch()} />;
  return (
    <>
      <Card title="Invited, not here yet" isFlush>
        <Table caption="Invitations" columns={columns} rows={invites} keyOf={({ id }) => id} />
      </Card>
      <More list={list} says="Show more invitations" />
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
    </>
  );
}
