import { useLocation } from '@tanstack/react-router';

import { Button, ButtonLink } from '../../ui/Button';
import { Checkbox, NumberField, Select } from '../../ui/Field';
import { Note } from '../../ui/Note';
import { Card } from '../../ui/Page';
import { CHANNEL, OUTCOME } from '../words';
import styles from './Forms.module.css';
import { MessageFields } from './MessageFields';
import { type Channel, type NumberName, type Outcome, RETRIED, type StepDraft, wrongFields } from './plan';

type Gate = Exclude<StepDraft['gate'], ''>;

/** After which endings of the step before a step is taken. */
const GATES: Readonly<Record<Gate, string>> = {
  any: 'whatever came of it',
  'voice.noAnswer': 'nobody picked up',
  'voice.voicemail': 'a voicemail answered',
  'voice.rejected': 'it was busy or declined',
  'voice.failed': 'the call failed',
  'whatsapp.unread': 'the message is not read by then',
  'whatsapp.undelivered': 'the message has not arrived',
  'sms.undelivered': 'the message has not arrived',
  'email.bounced': 'the mail came back',
};

/** What kind of trunk sends by a channel. */
const KIND_FOR = { voice: undefined, sms: 'twilioSms', whatsapp: 'whatsapp', email: 'smtp' } as const;

/** One step of the plan. */
export function StepCard({
  step,
  index,
  before,
  trunks,
  onChange,
  onRemove,
}: {
  step: StepDraft;
  index: number;
  before: Channel | undefined;
  trunks: readonly { id: string; name: string }[];
  onChange: (changes: Partial<StepDraft>) => void;
  onRemove?: () => void;
}) {
  const here = useLocation({ select: ({ href }) => href });
  const path = `channels[${index}]`;
  const wrong = wrongFields(step, index);
  const error = (name: NumberName) => (wrong.has(name) ? 'Write a number.' : null);
  const isCall = step.channel === 'voice';
  const gates = (Object.keys(GATES) as Gate[]).filter((gate) => gate !== 'any' && gate.startsWith(`${before}.`));
  return (
    <Card
      title={`${index + 1}. ${CHANNEL[step.channel]}`}
      actions={
        onRemove && (
          <Button variant="quiet" onClick={onRemove}>
            Remove
          </Button>
        )
      }
    >
      <div className={styles.form}>
        <div className={styles.pair}>
          {index > 0 && (
            <>
              <Select
                label="Taken when"
                path={`${path}.gate`}
                value={step.gate}
                onChange={(gate) => onChange({ gate })}
                options={[['', GATES.any], ...gates.map((gate) => [gate, GATES[gate]] as const)]}
              />
              <NumberField
                label="And after"
                path={`${path}.afterHours`}
                error={error('afterHours')}
                unit="hours"
                placeholder="0"
                value={step.afterHours}
                onChange={(afterHours) => onChange({ afterHours })}
              />
            </>
          )}
          <NumberField
            label={isCall ? 'Calls at most' : 'Tries at most'}
            path={`${path}.attempts`}
            error={error('attempts')}
            value={step.attempts}
            onChange={(attempts) => onChange({ attempts })}
          />
          {Number(step.attempts) !== 1 && (
            <>
              <NumberField
                label="Again after"
                path={`${path}.retry.afterMinutes`}
                error={error('afterMinutes')}
                unit="min"
                value={step.afterMinutes}
                onChange={(afterMinutes) => onChange({ afterMinutes })}
              />
              <NumberField
                label="Each wait longer by"
                path={`${path}.retry.backoff`}
                error={error('backoff')}
                unit="times"
                hint="1 keeps it as it is."
                value={step.backoff}
                onChange={(backoff) => onChange({ backoff })}
              />
            </>
          )}
          {!isCall && (
            <Select
              label="Trunk"
              path={`${path}.trunkId`}
              value={step.trunkId}
              onChange={(trunkId) => onChange({ trunkId })}
              options={[['', 'Choose one'], ...trunks.map(({ id, name }) => [id, name] as const)]}
            />
          )}
        </div>
        {!isCall && trunks.length === 0 && (
          <Note
            tone="warn"
            action={
              <ButtonLink to="/trunks/new" search={{ kind: KIND_FOR[step.channel], back: here }}>
                Make one
              </ButtonLink>
            }
          >
            There is no trunk yet that sends by {CHANNEL[step.channel]}. What you have changed of the plan is not kept
            on the way.
          </Note>
        )}
        {isCall && Number(step.attempts) !== 1 && <TriedAgain step={step} onChange={onChange} />}
        {!isCall && <MessageFields step={step} path={path} onChange={onChange} />}
      </div>
    </Card>
  );
}

const CALLS: readonly Outcome[] = [...RETRIED, 'ABANDONED'];

function TriedAgain({ step, onChange }: { step: StepDraft; onChange: (changes: Partial<StepDraft>) => void }) {
  const on = step.on ?? RETRIED;
  return (
    <fieldset className={styles.checks}>
      <legend>Called again when the call was</legend>
      {CALLS.map((outcome) => (
        <Checkbox
          key={outcome}
          label={OUTCOME[outcome].text}
          isChecked={on.includes(outcome)}
          onChange={(isOn) => onChange({ on: CALLS.filter((it) => (it === outcome ? isOn : on.includes(it))) })}
        />
      ))}
    </fieldset>
  );
}
