import { useMutation, useQueryClient } from '@tanstack/react-query';
import { ArrowDown, ArrowUp } from 'lucide-react';
import { useId, useState } from 'react';

import { api, ask } from '../api/client';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { Checkbox, Select, TextField } from '../ui/Field';
import { Form } from '../ui/Form';
import { toast } from '../ui/toast';
import { membersOf, type Sharing } from './group';
import type { Trunk } from './queries';
import styles from './Trunks.module.css';

/** Makes a group of trunks that place calls, in an order. */
export function GroupDialog({ trunks, onClose }: { trunks: readonly Trunk[]; onClose: () => void }) {
  const form = useId();
  const voice = trunks.filter(({ channel }) => channel === 'voice');
  const [name, setName] = useState('');
  const [order, setOrder] = useState<readonly string[]>([]);
  const [sharing, setSharing] = useState<Sharing>('inOrder');
  const cache = useQueryClient();
  const make = useMutation({
    mutationFn: () =>
      ask(api.POST('/api/v1/trunk-groups', { body: { name: name.trim(), members: membersOf(order, sharing) } })),
    onSuccess: async () => {
      toast('Group made');
      await cache.invalidateQueries({ queryKey: ['trunk-groups'] });
      onClose();
    },
  });
  const move = (from: number, by: -1 | 1) => {
    const moved = [...order];
    const [taken] = moved.splice(from, 1);
    if (taken !== undefined) moved.splice(from + by, 0, taken);
    setOrder(moved);
  };
  return (
    <Dialog
      title="New group"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" type="submit" form={form} isPending={make.isPending}>
            Make the group
          </Button>
        </>
      }
    >
      <Form id={form} error={make.error} onSubmit={() => make.mutate()}>
        <TextField label="Name" path="name" required value={name} onChange={setName} />
        <fieldset className={styles.plain}>
          <legend>Trunks in it</legend>
          {voice.map((trunk) => (
            <Checkbox
              key={trunk.id}
              label={trunk.name}
              isChecked={order.includes(trunk.id)}
              onChange={(isIn) => setOrder(isIn ? [...order, trunk.id] : order.filter((id) => id !== trunk.id))}
            />
          ))}
        </fieldset>
        {order.length > 1 && (
          <Select
            label="Calls go by"
            value={sharing}
            onChange={setSharing}
            options={[
              ['inOrder', 'the first one, and by the next when it rests or is full'],
              ['evenly', 'all of them, shared out evenly'],
            ]}
          />
        )}
        {order.length > 1 && sharing === 'inOrder' && (
          <fieldset className={styles.plain}>
            <legend>In this order</legend>
            <ol className={styles.order}>
              {order.map((id, index) => {
                const called = voice.find((trunk) => trunk.id === id)?.name ?? id;
                return (
                  <li key={id}>
                    <span>{called}</span>
                    <Button
                      variant="quiet"
                      iconOnly
                      aria-label={`${called} earlier`}
                      disabled={index === 0}
                      onClick={() => move(index, -1)}
                    >
                      <ArrowUp aria-hidden />
                    </Button>
                    <Button
                      variant="quiet"
                      iconOnly
                      aria-label={`${called} later`}
                      disabled={index === order.length - 1}
                      onClick={() => move(index, 1)}
                    >
                      <ArrowDown aria-hidden />
                    </Button>
                  </li>
                );
              })}
            </ol>
          </fieldset>
        )}
      </Form>
    </Dialog>
  );
}
