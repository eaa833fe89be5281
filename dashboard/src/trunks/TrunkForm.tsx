import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useRouter } from '@tanstack/react-router';
import { useState } from 'react';

import { api, ask } from '../api/client';
import { Button, ButtonLink } from '../ui/Button';
import { NumberField, TextArea, TextField } from '../ui/Field';
import { Fold } from '../ui/Fold';
import { Form } from '../ui/Form';
import { Card } from '../ui/Page';
import { toast } from '../ui/toast';
import { Unsaved } from '../ui/Unsaved';
import { CallerFields } from './CallerFields';
import {
  BEGIN,
  bodyOf,
  FIELDS,
  type FieldOf,
  hasCallerId,
  hasStream,
  type Kind,
  mistakesIn,
  sendsMessages,
} from './fields';
import { trunksQuery } from './queries';
import { TrunkField } from './TrunkField';
import styles from './Trunks.module.css';

/** A field of the form by its name: what it holds, and how that changes. */
export type Bind = (name: string) => { value: string; onChange: (value: string) => void };

/** What a trunk of a kind needs. */
export function TrunkForm({ kind, back, why }: { kind: Kind; back: string | undefined; why: string | undefined }) {
  const [values, setValues] = useState<Readonly<Record<string, string>>>({});
  const [mistakes, setMistakes] = useState<Readonly<Record<string, string>>>({});
  const navigate = useNavigate();
  const { history } = useRouter();
  const cache = useQueryClient();
  const make = useMutation({
    mutationFn: () => ask(api.POST('/api/v1/trunks', { body: bodyOf(kind, values) })),
    onSuccess: async ({ id }) => {
      toast('Trunk made');
      await cache.invalidateQueries({ queryKey: ['trunks'] });
      // The page one came from chooses from this list as it opens.
      if (back) await cache.prefetchQuery({ ...trunksQuery, staleTime: 0 });
      if (back) history.push(back, undefined, { ignoreBlocker: true });
      else await navigate({ to: '/trunks/$trunkId', params: { trunkId: id }, ignoreBlocker: true });
    },
  });
  const bind: Bind = (name) => ({
    value: values[name] ?? BEGIN[name] ?? '',
    onChange: (value) => setValues((before) => ({ ...before, [name]: value })),
  });
  const submit = () => {
    const found = mistakesIn(kind, values);
    setMistakes(found);
    if (why === undefined && Object.keys(found).length === 0) make.mutate();
  };
  const isChanged = Object.entries(values).some(([name, value]) => value !== (BEGIN[name] ?? ''));
  return (
    <Form error={make.error} onSubmit={submit}>
      <Reached kind={kind} bind={bind} mistakes={mistakes} />
      {hasStream(kind) && <Audio bind={bind} />}
      {hasCallerId(kind) && <CallerFields bind={bind} />}
      <Limits kind={kind} bind={bind} />
      <div className={styles.buttons}>
        <Button variant="primary" type="submit" why={why} isPending={make.isPending}>
          Make the trunk
        </Button>
        <ButtonLink to="/trunks/new" search={{ back }}>
          Another kind
        </ButtonLink>
      </div>
      <Unsaved isChanged={isChanged} what="the trunk" />
    </Form>
  );
}

function Reached({ kind, bind, mistakes }: { kind: Kind; bind: Bind; mistakes: Readonly<Record<string, string>> }) {
  const rare = FIELDS[kind].filter(({ isRare }) => isRare);
  const shown = (field: FieldOf) => (
    <TrunkField key={field.name} field={field} error={mistakes[field.name]} {...bind(field.name)} />
  );
  return (
    <Card title="How it is reached" isStack>
      <div className={styles.fields}>
        <TextField label="Name" path="name" required hint="Your own word for it." {...bind('name')} />
        {FIELDS[kind].filter(({ isRare }) => !isRare).map(shown)}
      </div>
      {rare.length > 0 && (
        <Fold title="What few need">
          <div className={styles.fields}>{rare.map(shown)}</div>
        </Fold>
      )}
    </Card>
  );
}

function Audio({ bind }: { bind: Bind }) {
  return (
    <Card title="Where the audio goes" isStack>
      <p>
        An answered call goes to the program that its agent names. This is where it goes when the agent names none;
        without either it is hung up.
      </p>
      <div className={styles.fields}>
        <TextField
          label="Audio goes to"
          path="stream.url"
          isOptional
          placeholder="wss://agent.example.com/media"
          hint="A program that speaks Media Streams."
          {...bind('streamUrl')}
        />
        <TextArea
          label="What it is told"
          path="stream.parameters"
          isOptional
          rows={2}
          placeholder="language: en"
          hint="One on each line, with a colon behind the name."
          {...bind('streamParameters')}
        />
      </div>
    </Card>
  );
}

function Limits({ kind, bind }: { kind: Kind; bind: Bind }) {
  return (
    <Card title="How much it takes" isStack>
      <div className={styles.fields}>
        <NumberField
          label={sendsMessages(kind) ? 'Messages per second' : 'Calls per second'}
          path="limits.callsPerSecond"
          hint="As agreed with the carrier; empty is no limit."
          {...bind('callsPerSecond')}
        />
        <NumberField
          label="At once, at most"
          path="limits.maxLiveCalls"
          hint="As agreed with the carrier; empty is no limit."
          {...bind('maxLiveCalls')}
        />
      </div>
    </Card>
  );
}
