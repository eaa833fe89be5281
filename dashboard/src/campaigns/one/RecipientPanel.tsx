import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';

import { Chip } from '../../ui/Chip';
import { Dialog } from '../../ui/Dialog';
import { counted, moment } from '../../ui/format';
import { ErrorNote } from '../../ui/Note';
import { Skeleton } from '../../ui/Skeleton';
import { Facts } from '../../ui/Stat';
import { type Recipient, recipientQuery, sessionsQuery } from '../queries';
import { CHANNEL, DISPOSITION, HOLD, RECIPIENT, reason, STEP } from '../words';
import { CallBack } from './CallBack';
import { CallStory } from './CallStory';
import { shown } from './chips';
import styles from './One.module.css';

/** One recipient's whole story, beside the list. */
export function RecipientPanel() {
  const { campaignId, recipientId } = useParams({ from: '/shell/campaigns/$campaignId/recipients/$recipientId' });
  const search = useSearch({ from: '/shell/campaigns/$campaignId/recipients' });
  const navigate = useNavigate();
  const found = useQuery(recipientQuery(campaignId, recipientId));
  const close = () => navigate({ to: '/campaigns/$campaignId/recipients', params: { campaignId }, search });
  const recipient = found.data;
  return (
    <Dialog title={recipient?.to ?? 'Recipient'} isSide onClose={close}>
      <ErrorNote error={found.error} onRetry={() => found.refetch()} />
      {found.isPending && <Skeleton lines={6} />}
      {recipient && (
        <div className={styles.story}>
          <section>
            <h3>Steps</h3>
            <ol className={styles.steps}>
              {recipient.channels.map((step, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a step is its place in the plan
                <li key={index}>
                  {CHANNEL[step.channel]}
                  <StepChip state={shown(step, recipient)} />
                  <span className={styles.faint}>
                    {step.attempts > 0 && counted(step.attempts, 'attempt')}
                    {step.reason && `${step.attempts > 0 ? ', ' : ''}${reason(step.reason)}`}
                  </span>
                </li>
              ))}
            </ol>
          </section>
          <Facts
            facts={[
              ['Stands', stands(recipient)],
              ...(recipient.state === 'PENDING' ? [['Next', moment(recipient.dueAt)] as const] : []),
              ...(recipient.doneAt ? [['Done', moment(recipient.doneAt)] as const] : []),
              ...(recipient.timezone ? [['Time zone', recipient.timezone] as const] : []),
              ['On the list since', moment(recipient.createdAt)],
              ...Object.entries(recipient.variables as Record<string, unknown>).map(
                ([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)] as const,
              ),
            ]}
          />
          <CallBack recipient={recipient} />
          <section>
            <h3>Calls and messages</h3>
            <Calls recipientId={recipientId} />
          </section>
        </div>
      )}
    </Dialog>
  );
}

function StepChip({ state }: { state: keyof typeof STEP }) {
  return (
    <Chip tone={STEP[state].tone} isLive={state === 'IN_PROGRESS'}>
      {STEP[state].text}
    </Chip>
  );
}

function stands({ state, disposition, lastReason, hold }: Recipient): string {
  if (disposition) return `${DISPOSITION[disposition].text}${lastReason ? `: ${reason(lastReason)}` : ''}`;
  return hold ? `${HOLD[hold].text}. ${HOLD[hold].meaning}` : RECIPIENT[state].text;
}

function Calls({ recipientId }: { recipientId: string }) {
  const calls = useQuery(sessionsQuery(recipientId));
  if (calls.error) return <ErrorNote error={calls.error} onRetry={() => calls.refetch()} />;
  if (calls.data === undefined) return <Skeleton />;
  if (calls.data.items.length === 0) return <p className={styles.faint}>None yet.</p>;
  return calls.data.items.map((call) => <CallStory key={call.id} call={call} />);
}
