import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';

import { useMe } from '../api/me';
import { ROLE, rolesUpTo } from '../keys/words';
import { Button } from '../ui/Button';
import { Code } from '../ui/Code';
import { Copy } from '../ui/Copy';
import { Dialog } from '../ui/Dialog';
import { Select, TextField } from '../ui/Field';
import { Form } from '../ui/Form';
import { Note } from '../ui/Note';
import { invite, type Role } from './queries';

/** Invites somebody by e-mail; where the server sends none, shows the link that has to be passed on. */
export function InviteDialog({ onClose }: { onClose: () => void }) {
  const { workspace, role: own } = useMe();
  const form = useId();
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<Role>('member');
  const cache = useQueryClient();
  const send = useMutation({
    mutationFn: () => invite(workspace.id, email.trim(), role),
    onSuccess: () => cache.invalidateQueries({ queryKey: ['members', 'invites'] }),
  });
  const made = send.data;
  return (
    <Dialog
      title="Invite somebody"
      onClose={onClose}
      actions={
        made ? (
          <Button variant="primary" onClick={onClose}>
            Done
          </Button>
        ) : (
          <>
            <Button onClick={onClose}>Cancel</Button>
            <Button variant="primary" type="submit" form={form} isPending={send.isPending}>
              Invite them
            </Button>
          </>
        )
      }
    >
      {made ? (
        <div role="status">
          {made.link ? (
            <>
              <Note tone="warn">This server sends no mail: pass the link on yourself. It is not shown again.</Note>
              <Code text={made.link} aside={<Copy text={made.link} what="the link" />} />
            </>
          ) : (
            <Note tone="good">A mail with a link is on its way to {made.email}.</Note>
          )}
        </div>
      ) : (
        <Form id={form} error={send.error} onSubmit={() => send.mutate()}>
          <TextField label="E-mail" path="email" type="email" required value={email} onChange={setEmail} />
          <Select
            label="Role"
            path="role"
            hint={`A ${role} ${ROLE[role].meaning}.`}
            value={role}
            onChange={setRole}
            options={rolesUpTo(own).map(([it]) => [it, ROLE[it].text] as const)}
          />
        </Form>
      )}
    </Dialog>
  );
}
