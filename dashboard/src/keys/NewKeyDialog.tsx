import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';

import { useMe } from '../api/me';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { Checkbox, NumberField, numberOf, Select, TextField } from '../ui/Field';
import { Form } from '../ui/Form';
import { MomentField } from '../ui/MomentField';
import { type KeyMade, makeKey, type Scope } from './queries';
import { ScopesField } from './ScopesField';
import { endOf, LIVES, mayOf, rolesUpTo } from './words';

/** Makes a key, of no more than whoever makes it may do themselves. */
export function NewKeyDialog({ onMade, onClose }: { onMade: (made: KeyMade) => void; onClose: () => void }) {
  const me = useMe();
  const form = useId();
  const [name, setName] = useState('');
  const [role, setRole] = useState(me.role);
  const [scopes, setScopes] = useState<readonly Scope[] | null>(me.scopes ?? null);
  const [life, setLife] = useState('365');
  const [expiresAt, setExpires] = useState<string>();
  const [rate, setRate] = useState('');
  const cache = useQueryClient();
  const isWordy = numberOf(rate) === undefined;
  const make = useMutation({
    mutationFn: () =>
      makeKey({
        name: name.trim(),
        role,
        scopes: scopes === null ? null : [...scopes],
        expiresAt: life === 'at' ? (expiresAt ?? null) : endOf(life),
        rateLimit: numberOf(rate) ?? null,
      }),
    // The answer has the secret: it is kept nowhere but in the dialog that shows it.
    gcTime: 0,
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
          <Button variant="primary" type="submit" form={form} isPending={make.isPending} disabled={isWordy}>
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
          hint="The program that uses it, like Billing. Give each program a key of its own."
          value={name}
          onChange={setName}
        />
        <Select
          label="Role"
          path="role"
          hint={mayOf(role)}
          value={role}
          onChange={setRole}
          options={rolesUpTo(me.role)}
        />
        {me.scopes == null && (
          <Checkbox
            label="Only some of what the role may"
            hint="A program that only reads need not be able to call anybody."
            isChecked={scopes !== null}
            onChange={(isKept) => setScopes(isKept ? ['read'] : null)}
          />
        )}
        {scopes !== null && <ScopesField scopes={scopes} within={me.scopes ?? null} onChange={setScopes} />}
        <Select
          label="Good for"
          path={life === 'at' ? undefined : 'expiresAt'}
          hint="A forgotten key that ends by itself does no harm."
          value={life}
          onChange={setLife}
          options={LIVES}
        />
        {life === 'at' && <MomentField label="Ends" path="expiresAt" value={expiresAt} onChange={setExpires} />}
        <NumberField
          label="Requests at most"
          path="rateLimit"
          unit="per minute"
          isOptional
          hint="Empty is what the server allows every key."
          error={isWordy ? 'Write a number.' : null}
          value={rate}
          onChange={setRate}
        />
      </Form>
    </Dialog>
  );
}
