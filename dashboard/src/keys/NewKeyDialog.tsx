import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';

import { useMe } from '../api/me';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { Checkbox, NumberField, numberOf, Select, TextField } from '../ui/Field';
import { Form } from '../ui/Form';
import { MomentField } from '../ui/MomentField';
import { type KeyMade, makeKey, type Scope } from './queries';
import { rolesUpTo, SCOPE, SCOPES } from './words';

/** Makes a key. */
export function NewKeyDialog({ onMade, onClose }: { onMade: (made: KeyMade) => void; onClose: () => void }) {
  const me = useMe();
  const form = useId();
  const [name, setName] = useState('');
  const [role, setRole] = useState(me.role);
  const [scopes, setScopes] = useState<readonly Scope[] | null>(null);
  const [expiresAt, setExpires] = useState<string>();
  const [rate, setRate] = useState('');
  const cache = useQueryClient();
  const make = useMutation({
    mutationFn: () =>
      makeKey({
        name: name.trim(),
        role,
        scopes: scopes === null ? null : [...scopes],
        expiresAt: expiresAt ?? null,
        rateLimit: rate.trim() === '' ? null : (numberOf(rate) ?? 0),
      }),
    onSuccess: async (made) => {
      onMade(made);
      await cache.invalidateQueries({ queryKey: ['keys'] });
    },
  });
  return (
    <Dialog
      title="New key"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" type="submit" form={form} isPending={make.isPending}>
            Make the key
          </Button>
        </>
      }
    >
      <Form id={form} error={make.error} onSubmit={() => make.mutate()}>
        <TextField
          label="Name"
          path="name"
          required
          hint="The program that uses it: Billing, say."
          value={name}
          onChange={setName}
        />
        <Select label="Role" path="role" value={role} onChange={setRole} options={rolesUpTo(me.role)} />
        <Checkbox
          label="Only some of what the role may"
          isChecked={scopes !== null}
          onChange={(isKept) => setScopes(isKept ? ['read'] : null)}
        />
        {scopes !== null &&
          SCOPES.map((scope) => (
            <Checkbox
              key={scope}
              label={SCOPE[scope].text}
              hint={SCOPE[scope].meaning}
              isChecked={scopes.includes(scope)}
              onChange={(isChosen) =>
                setScopes(isChosen ? [...scopes, scope] : scopes.filter((other) => other !== scope))
              }
            />
          ))}
        <MomentField label="Ends" path="expiresAt" isOptional value={expiresAt} onChange={setExpires} />
        <NumberField
          label="Requests at most"
          path="rateLimit"
          unit="per minute"
          isOptional
          hint="Empty is what the server allows every key."
          value={rate}
          onChange={setRate}
        />
      </Form>
    </Dialog>
  );
}
