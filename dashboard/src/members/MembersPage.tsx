import { UserPlus } from 'lucide-react';
import { useState } from 'react';

import { useMe, useWhyNot } from '../api/me';
import { mayOf, ROLES } from '../keys/words';
import { Button } from '../ui/Button';
import { Card, Page } from '../ui/Page';
import { InviteDialog, type Invited } from './InviteDialog';
import { Invites } from './Invites';
import { Leave } from './Leave';
import styles from './Members.module.css';
import { MembersCard } from './MembersCard';

/** Who works in this workspace, and who is invited. */
export function MembersPage() {
  const me = useMe();
  const why = useWhyNot()('manage members');
  const [inviting, setInviting] = useState<Invited | null>(null);
  return (
    <Page
      title="Members"
      lead={`People who work in ${me.workspace.name}, each with a role. Programs have API keys instead.`}
      actions={
        <>
          {me.kind === 'user' && !me.superuser && <Leave />}
          <Button variant="primary" why={why} onClick={() => setInviting({})}>
            <UserPlus aria-hidden />
            Invite somebody
          </Button>
        </>
      }
    >
      <MembersCard why={why} />
      <Invites why={why} onInvite={setInviting} />
      <Card title="What each role may">
        <ul className={styles.roles}>
          {ROLES.map((role) => (
            <li key={role}>{mayOf(role)}</li>
          ))}
        </ul>
      </Card>
      {inviting && <InviteDialog first={inviting} onClose={() => setInviting(null)} />}
    </Page>
  );
}
