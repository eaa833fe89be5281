import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';

import { useMe } from '../api/me';
import { mayOf, rolesUpTo } from '../keys/words';
import { Button } from '../ui/Button';
import { Code } from '../ui/Code';
import { Copy } from '../ui/Copy';
import { Dialog } from '../ui/Dialog';
import { Select, TextField } from '../ui/Field';
import { Form } from '../ui/Form';
import { moment } from '../ui/format';
import { Note } from '../ui/Note';
import { type InviteMade, invite, type Role } from './queries';

/** Whom to begin with: somebody who was invited before, or nobody. */
export interface Invited {
  email?: string;
  role?: Role;
}

/** Invites somebody by e-mail; where the server sends none, shows the link that has to be passed on. */
export function InviteDialog({ first, onClose }: { first: Invited; onClose: () => void }) {
  const { workspace, role: own } = useMe();
  const form = useId();
  const isAgain = first.email !== undefined;
  const [email, setEmail] = useState(first.email ?? '');
  const [role, setRole] = useState<Role>(first.role ?? 'member');
  const cache = useQueryClient();
  const send = useMutation({
    mutationFn: () => invite(workspace.id, email.trim(), role),
    // The answer may have the link, which lets in whoever has it.
    gcTime: 0,
    onSuccess: () => cache.invalidateQueries({ queryKey: ['members', 'invites'] }),
  });
  if (send.data) return <Sent of={send.data} onClose={onClose} />;
  return (
    <Dialog
      title={isAgain ? `Invite ${first.email} again` : 'Invite somebody'}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" type="submit" form={form} isPending={send.isPending}>
            Invite them
          </Button>
        </>
      }
    >
      <Form id={form} error={send.error} onSubmit={() => send.mutate()}>
        {isAgain && <Note>They get another link, and the one before leads nowhere.</Note>}
        <TextField
          label="E-mail"
          path="email"
          type="email"
          required
          hint="The invitation is good for this address alone, once, for seven days."
          readOnly={isAgain}
          value={email}
          onChange={setEmail}
        />
        <Select label="Role" path="role" hint={mayOf(role)} value={role} onChange={setRole} options={rolesUpTo(own)} />
      </Form>
    </Dialog>
  );
}

function Sent({ of: { email, link, expiresAt }, onClose }: { of: InviteMade; onClose: () => void }) {
  return (
    <Dialog
      title={`${email} is invited`}
      onClose={onClose}
      isQuestion={Boolean(link)}
      actions={
        <Button variant="primary" onClick={onClose}>
          Done
        </Button>
      }
    >
      {link ? (
        <>
          <Note tone="warn">
            This server sends no mail: pass this link on yourself. It is not shown again, and good until{' '}
            {moment(expiresAt)}.
          </Note>
          <Code text={link} label="The link" aside={<Copy text={link} what="the link" />} />
        </>
      ) : (
        <Note tone="good" isAlert>
          A mail with a link is on its way to {email}. The link is good until {moment(expiresAt)}.
        </Note>
      )}
    </Dialog>
  );
}
