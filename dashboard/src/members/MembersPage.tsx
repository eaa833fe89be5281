import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { UserPlus, Users } from 'lucide-react';
import { useState } from 'react';

import { useMe, useWhyNot } from '../api/me';
import { useLeaving } from '../app/leaving';
import { ROLE, ROLES } from '../keys/words';
import { Button } from '../ui/Button';
import { Chip } from '../ui/Chip';
import { Confirm } from '../ui/Dialog';
import { EmptyState } from '../ui/EmptyState';
import { Select } from '../ui/Field';
import { moment } from '../ui/format';
import { ErrorNote } from '../ui/Note';
import { Card, Page } from '../ui/Page';
import { Skeleton } from '../ui/Skeleton';
import { type Column, Table } from '../ui/Table';
import { toast } from '../ui/toast';
import { InviteDialog } from './InviteDialog';
import { Invites } from './Invites';
import { leave, type Member, membersQuery, type Role, removeMember, setRole } from './queries';

/** Who works in this workspace, and who is invited. */
export function MembersPage() {
  const me = useMe();
  const why = useWhyNot()('manage members');
  const [isInviting, setInviting] = useState(false);
  return (
    <Page
      title="Members"
      actions={
        <>
          {me.kind === 'user' && !me.superuser && <Leave />}
          <Button variant="primary" why={why} onClick={() => setInviting(true)}>
            <UserPlus aria-hidden />
            Invite somebody
          </Button>
        </>
      }
    >
      <Members why={why} />
      <Invites />
      {isInviting && <InviteDialog onClose={() => setInviting(false)} />}
    </Page>
  );
}

function Members({ why }: { why: string | undefined }) {
  const me = useMe();
  const { workspace } = me;
  const list = useInfiniteQuery(membersQuery(workspace.id));
  const [asked, setAsked] = useState<Member | null>(null);
  const cache = useQueryClient();
  const change = useMutation({
    mutationFn: ({ member, role }: { member: Member; role: Role }) => setRole(workspace.id, member.id, role),
    onSuccess: ({ name, email, role }) => {
      toast(`${name || email} is ${ROLE[role].text.toLowerCase()} now`);
      return cache.invalidateQueries({ queryKey: ['members'] });
    },
  });
  const columns: Column<Member>[] = [
    {
      name: 'Member',
      cell: ({ name, email }) => (
        <>
          <b>{name || email}</b> {isMe(email, me) && <Chip>you</Chip>}
        </>
      ),
    },
    { name: 'E-mail', isWide: true, cell: ({ email }) => email },
    {
      name: 'Role',
      cell: (member) =>
        why !== undefined ? (
          ROLE[member.role].text
        ) : (
          <Select
            label={<span className="unseen">Role of {member.email}</span>}
            value={member.role}
            onChange={(role) => change.mutate({ member, role })}
            options={ROLES.map((role) => [role, ROLE[role].text] as const)}
          />
        ),
    },
    { name: 'Since', isWide: true, cell: ({ createdAt }) => moment(createdAt) },
    {
      name: 'What can be done',
      isUnnamed: true,
      isNumber: true,
      cell: (member) => (
        <Button variant="quiet" why={why} onClick={() => setAsked(member)}>
          Remove<span className="unseen"> {member.email}</span>
        </Button>
      ),
    },
  ];
  const members = list.data?.pages.flatMap(({ items }) => items) ?? [];
  return (
    <>
      <ErrorNote error={list.error} onRetry={() => list.refetch()} />
      <ErrorNote error={change.error} />
      <Card isFlush>
        {list.isPending ? (
          <Skeleton lines={3} />
        ) : members.length === 0 ? (
          <EmptyState icon={Users} title="Nobody has joined yet">
            So far only API keys open this workspace. Invite those who work here.
          </EmptyState>
        ) : (
          <Table caption="Members" columns={columns} rows={members} keyOf={({ id }) => id} />
        )}
      </Card>
      {list.hasNextPage && (
        <div>
          <Button isPending={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
            Show more
          </Button>
        </div>
      )}
      {asked && (
        <Confirm
          title={`Remove ${asked.email}?`}
          confirm="Remove the member"
          isDangerous
          onClose={() => setAsked(null)}
          onConfirm={async () => {
            await removeMember(workspace.id, asked.id);
            toast(`${asked.email} is no member any more`);
            await cache.invalidateQueries({ queryKey: ['members'] });
          }}
        >
          They see nothing of this workspace from then on. API keys they have made stay.
        </Confirm>
      )}
    </>
  );
}

const isMe = (email: string, me: { kind: string; name: string }) => me.kind === 'user' && me.name === email;

function Leave() {
  const { workspace, homes } = useMe();
  const { switchTo, signOut } = useLeaving();
  const [isAsking, setAsking] = useState(false);
  const other = homes.find(({ id }) => id !== workspace.id);
  return (
    <>
      <Button onClick={() => setAsking(true)}>Leave the workspace</Button>
      {isAsking && (
        <Confirm
          title={`Leave ${workspace.name}?`}
          confirm="Leave the workspace"
          isDangerous
          onClose={() => setAsking(false)}
          onConfirm={async () => {
            await leave(workspace.id);
            await (other ? switchTo(other.id) : signOut());
          }}
        >
          You see nothing of it from then on, until an admin invites you again.
        </Confirm>
      )}
    </>
  );
}
