import { useInfiniteQuery } from '@tanstack/react-query';
import { UserMinus, Users } from 'lucide-react';
import { useState } from 'react';

import { useMe } from '../api/me';
import { ROLE, ROLES } from '../keys/words';
import { Button } from '../ui/Button';
import { Chip } from '../ui/Chip';
import { EmptyState } from '../ui/EmptyState';
import { Select } from '../ui/Field';
import { moment } from '../ui/format';
import { PageCard, rowsOf } from '../ui/PageCard';
import { type Column, Table } from '../ui/Table';
import { type AskedMember, MemberQuestion } from './MemberQuestion';
import styles from './Members.module.css';
import { type Member, membersQuery } from './queries';

/** Who is a member, and in which role. */
export function MembersCard({ why }: { why: string | undefined }) {
  const { workspace } = useMe();
  const list = useInfiniteQuery(membersQuery(workspace.id));
  const members = rowsOf(list);
  const [asked, setAsked] = useState<AskedMember | null>(null);
  const columns: Column<Member>[] = [
    { name: 'Member', cell: (member) => <Name of={member} /> },
    { name: 'Role', cell: (member) => <RoleOf member={member} why={why} onAsk={setAsked} /> },
    { name: 'Since', isWide: true, cell: ({ createdAt }) => moment(createdAt) },
    {
      name: 'What can be done',
      isUnnamed: true,
      isNumber: true,
      cell: (member) => (
        <Button
          variant="quiet"
          iconOnly
          aria-label={`Remove ${member.email}`}
          why={why}
          onClick={() => setAsked({ member, to: 'nobody' })}
        >
          <UserMinus aria-hidden />
        </Button>
      ),
    },
  ];
  return (
    <>
      <PageCard list={list} lines={3} more="Show more">
        {members.length > 0 ? (
          <Table caption="Members" columns={columns} rows={members} keyOf={({ id }) => id} />
        ) : (
          <EmptyState icon={Users} title="Nobody has joined yet">
            So far only API keys open this workspace. Invite those who work here.
          </EmptyState>
        )}
      </PageCard>
      {asked && <MemberQuestion asked={asked} onClose={() => setAsked(null)} />}
    </>
  );
}

function Name({ of: { name, email } }: { of: Member }) {
  const me = useMe();
  return (
    <div className={styles.name}>
      <span>
        <b>{name || email}</b> {me.kind === 'user' && me.name === email && <Chip>you</Chip>}
      </span>
      {name && name !== email && <span className={styles.faint}>{email}</span>}
    </div>
  );
}

function RoleOf({
  member,
  why,
  onAsk,
}: {
  member: Member;
  why: string | undefined;
  onAsk: (asked: AskedMember) => void;
}) {
  if (why !== undefined) return ROLE[member.role].text;
  return (
    <Select
      className={styles.role}
      label={<span className="unseen">Role of {member.email}</span>}
      value={member.role}
      onChange={(role) => onAsk({ member, to: role })}
      options={ROLES.map((role) => [role, ROLE[role].text] as const)}
    />
  );
}
