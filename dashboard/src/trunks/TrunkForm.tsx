import { useMutation } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';

import { Button } from '../ui/Button';
import { NumberField, TextArea, TextField } from '../ui/Field';
import { Fold } from '../ui/Fold';
import { Form } from '../ui/Form';
import { Card } from '../ui/Page';
import { Unsaved } from '../ui/Unsaved';
import { CallerFields } from './CallerFields';
import {
  FIELDS,
  type FieldOf,
  hasCallerId,
  hasStream,
  type Kind,
  mistakesIn,
  sendsMessages,
  type Values,
} from './fields';
import { TrunkField } from './TrunkField';
import styles from './Trunks.module.css';

/** A field of the form by its name: what it holds, and how that changes. */
export type Bind = (name: string) => { value: string; onChange: (value: string) => void };

/** What a trunk of a kind needs: empty for a new one, or as one is that is to be changed. */
export function TrunkForm({
  kind,
  begin,
  isNew,
  why,
  save,
  children,
}: {
  kind: Kind;
  /** What stands in the fields before anybody types. */
  begin: Values;
  isNew: boolean;
  why: string | undefined;
  save: (values: Values) => Promise<void>;
  /** What else can be done than to save it. */
  children: ReactNode;
}) {
  const [changed, setChanged] = useState<Values>({});
  const [mistakes, setMistakes] = useState<Values>({});
  const values = { ...begin, ...changed };
  const saving = useMutation({ mutationFn: () => save(values) });
  const bind: Bind = (name) => ({
    value: values[name] ?? '',
    onChange: (value) => setChanged((before) => ({ ...before, [name]: value })),
  });
  const submit = () => {
    const found = mistakesIn(kind, values);
    setMistakes(found);
    if (why === undefined && Object.keys(found).length === 0) saving.mutate();
  };
  const isChanged = Object.entries(changed).some(([name, value]) => value !== (begin[name] ?? ''));
  return (
    <Form error={saving.error} onSubmit={submit}>
      <Reached fields={FIELDS[kind].map((field) => (isNew ? field : kept(field)))} bind={bind} mistakes={mistakes} />
      {hasStream(kind) && <Audio bind={bind} />}
      {hasCallerId(kind) && <CallerFields bind={bind} />}
      <Limits kind={kind} bind={bind} />
      <div className={styles.buttons}>
        <Button variant="primary" type="submit" why={why} isPending={saving.isPending}>
          {isNew ? 'Make the trunk' : 'Save the changes'}
        </Button>
        {children}
      </div>
      <Unsaved isChanged={isChanged} what="the trunk" />
    </Form>
  );
}

/** A secret that is there already need not be typed again. */
const kept = (field: FieldOf): FieldOf =>
  field.is === 'secret' ? { ...field, isRequired: false, hint: 'Never shown. Empty keeps the one there is.' } : field;

function Reached({ fields, bind, mistakes }: { fields: readonly FieldOf[]; bind: Bind; mistakes: Values }) {
  const rare = fields.filter(({ isRare }) => isRare);
  const shown = (field: FieldOf) => (
    <TrunkField key={field.name} field={field} error={mistakes[field.name]} {...bind(field.name)} />
  );
  return (
    <Card title="How it is reached" isStack>
      <div className={styles.fields}>
        <TextField label="Name" path="name" required hint="Your own word for it." {...bind('name')} />
        {fields.filter(({ isRare }) => !isRare).map(shown)}
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
