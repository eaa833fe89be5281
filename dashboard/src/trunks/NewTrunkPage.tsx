import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';

import { api, ask } from '../api/client';
import { useWhyNot } from '../api/me';
import { Button, ButtonLink } from '../ui/Button';
import { NumberField, TextField } from '../ui/Field';
import { Form } from '../ui/Form';
import { Note } from '../ui/Note';
import { Card, Page } from '../ui/Page';
import { toast } from '../ui/toast';
import { BEGIN, bodyOf, FIELDS, hasCallerId, type Kind } from './fields';
import { TrunkField } from './TrunkField';
import styles from './Trunks.module.css';
import { KIND } from './words';

/** Makes a trunk: first its kind, then what that kind needs. */
export function NewTrunkPage() {
  const { kind } = useSearch({ from: '/shell/trunks/new' });
  const why = useWhyNot()('edit trunks');
  return (
    <Page title={kind ? `New trunk: ${KIND[kind].text}` : 'New trunk'} crumb={<Link to="/trunks">Trunks</Link>}>
      {why && <Note>{why}</Note>}
      {kind ? <Fields key={kind} kind={kind} why={why} /> : <Kinds />}
    </Page>
  );
}

function Kinds() {
  const part = (title: string, kinds: readonly Kind[]) => (
    <Card title={title} isStack>
      <div className={styles.kinds}>
        {kinds.map((kind) => (
          <Link key={kind} to="/trunks/new" search={{ kind }} className={styles.kind}>
            <b>{KIND[kind].text}</b>
            <span>{KIND[kind].meaning}</span>
          </Link>
        ))}
      </div>
    </Card>
  );
  return (
    <>
      {part('Places calls', ['sip', 'twilio', 'telnyx', 'livekit', 'simulated'])}
      {part('Sends messages', ['twilioSms', 'whatsapp', 'smtp'])}
    </>
  );
}

function Fields({ kind, why }: { kind: Kind; why: string | undefined }) {
  const [values, setValues] = useState<Readonly<Record<string, string>>>({});
  const navigate = useNavigate();
  const cache = useQueryClient();
  const make = useMutation({
    mutationFn: () => ask(api.POST('/api/v1/trunks', { body: bodyOf(kind, values) })),
    onSuccess: async ({ id }) => {
      toast('Trunk made');
      await cache.invalidateQueries({ queryKey: ['trunks'] });
      await navigate({ to: '/trunks/$trunkId', params: { trunkId: id } });
    },
  });
  const bind = (name: string) => ({
    value: values[name] ?? BEGIN[name] ?? '',
    onChange: (value: string) => setValues((before) => ({ ...before, [name]: value })),
  });
  const often = FIELDS[kind].filter(({ isRare }) => !isRare);
  const rare = FIELDS[kind].filter(({ isRare }) => isRare);
  const hasStream = kind === 'twilio' || kind === 'telnyx';
  return (
    <Form error={make.error} onSubmit={() => why === undefined && make.mutate()}>
      <Card title="How it is reached" isStack>
        <div className={styles.fields}>
          <TextField label="Name" path="name" required hint="Your own word for it." {...bind('name')} />
          {often.map((field) => (
            <TrunkField key={field.name} field={field} {...bind(field.name)} />
          ))}
          {hasStream && (
            <TextField
              label="Audio goes to"
              path="stream"
              isOptional
              placeholder="wss://agent.example.com/media"
              hint="A program in Media Streams format. Without it answered calls are hung up."
              {...bind('streamUrl')}
            />
          )}
        </div>
        {rare.length > 0 && (
          <details className={styles.rare}>
            <summary>What few need</summary>
            <div className={styles.fields}>
              {rare.map((field) => (
                <TrunkField key={field.name} field={field} {...bind(field.name)} />
              ))}
            </div>
          </details>
        )}
      </Card>
      <Card title="What it shows, and how much it takes" isStack>
        <div className={styles.fields}>
          {hasCallerId(kind) && (
            <TextField
              label="Caller ID"
              path="callerId"
              isOptional
              placeholder="+12025550100"
              hint="The number that people see. Use only numbers of yours."
              {...bind('callerId')}
            />
          )}
          <NumberField
            label={
              kind === 'smtp' || kind === 'whatsapp' || kind === 'twilioSms'
                ? 'Messages per second'
                : 'Calls per second'
            }
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
      <div>
        <Button variant="primary" type="submit" why={why} isPending={make.isPending}>
          Make the trunk
        </Button>{' '}
        <ButtonLink to="/trunks/new">Another kind</ButtonLink>
      </div>
    </Form>
  );
}
