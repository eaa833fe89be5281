import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { RotateCcw } from 'lucide-react';

import { useWhyNot } from '../api/me';
import { Button } from '../ui/Button';
import { Chip } from '../ui/Chip';
import { Code } from '../ui/Code';
import { Copy } from '../ui/Copy';
import { Dialog } from '../ui/Dialog';
import { ago, count, exactMoment, moment } from '../ui/format';
import { ErrorNote, Note } from '../ui/Note';
import { Skeleton } from '../ui/Skeleton';
import { Facts } from '../ui/Stat';
import { toast } from '../ui/toast';
import { deliveryQuery, replayDelivery, webhookQuery } from './queries';
import styles from './Webhooks.module.css';
import { answerOf, DELIVERY, headersOf, pretty } from './words';

/** One delivery, beside the list: what was sent, each request, and what was said to it. */
export function DeliveryPanel() {
  const { webhookId, deliveryId } = useParams({ from: '/shell/webhooks/$webhookId/$deliveryId' });
  const search = useSearch({ from: '/shell/webhooks/$webhookId' });
  const navigate = useNavigate();
  const cache = useQueryClient();
  const mayNot = useWhyNot()('edit webhooks');
  const found = useQuery(deliveryQuery(deliveryId));
  const webhook = useQuery(webhookQuery(webhookId)).data;
  // The address may name a delivery to another endpoint, which is not shown as if it were to this one.
  const isElsewhere = found.data !== undefined && found.data.webhookId !== webhookId;
  const delivery = isElsewhere ? undefined : found.data;
  const why = mayNot ?? (webhook?.isActive === false ? 'The endpoint is switched off. Switch it on first.' : undefined);
  const replay = useMutation({
    mutationFn: () => replayDelivery(deliveryId),
    onSuccess: () => {
      toast('It is sent once more');
      return cache.invalidateQueries({ queryKey: ['webhooks'] });
    },
  });
  const isOver = delivery && delivery.status !== 'PENDING';
  return (
    <Dialog
      title={delivery?.event ?? 'Delivery'}
      isSide
      onClose={() => navigate({ to: '/webhooks/$webhookId', params: { webhookId }, search })}
      actions={
        isOver && (
          <Button why={why} isPending={replay.isPending} onClick={() => replay.mutate()}>
            <RotateCcw aria-hidden />
            Send again
          </Button>
        )
      }
    >
      <ErrorNote error={found.error} onRetry={() => found.refetch()} />
      <ErrorNote error={replay.error} />
      {isElsewhere && found.data && (
        <Note>
          This was sent to another endpoint.{' '}
          <Link to="/webhooks/$webhookId/$deliveryId" params={{ webhookId: found.data.webhookId, deliveryId }}>
            Look at it there
          </Link>
          .
        </Note>
      )}
      {found.isPending && <Skeleton lines={6} />}
      {delivery && (
        <div className={styles.story}>
          <div aria-live="polite">
            <Facts
              facts={[
                [
                  'Stands',
                  <Chip key="state" tone={DELIVERY[delivery.status].tone}>
                    {DELIVERY[delivery.status].text}
                  </Chip>,
                ],
                ['Attempts', delivery.attempts],
                ...(delivery.dueAt ? [['Next attempt', ago(delivery.dueAt)] as const] : []),
                ['Happened', moment(delivery.createdAt)],
                ['Event', <Id key="event" id={delivery.eventId} />],
              ]}
            />
          </div>
          <section>
            <h3>Requests</h3>
            {delivery.log.length === 0 && (
              <p className={styles.faint}>{delivery.attempts === 0 ? 'None yet.' : 'They are not kept any more.'}</p>
            )}
            <ol className={styles.log}>
              {delivery.log.map(({ number, at, status, durationMs, error, answer }) => (
                <li key={`${number} ${at}`}>
                  <div className={styles.attempt}>
                    <b>Attempt {number}</b>
                    <Chip tone={answerOf(status).tone}>{answerOf(status).text}</Chip>
                    <span className={styles.faint} title={at}>
                      {exactMoment(at)}, took {count(durationMs)} ms
                    </span>
                  </div>
                  {error && <p className={styles.faint}>{error}</p>}
                  {answer && <Code text={answer} label={`What was said to attempt ${number}`} />}
                </li>
              ))}
            </ol>
          </section>
          <section>
            <h3>What is sent</h3>
            {webhook && <Code text={headersOf(webhook, delivery.eventId)} label="The headers of the request" />}
            <Code
              text={pretty(delivery.body)}
              label="The body of the request"
              aside={<Copy text={delivery.body} what="the body" />}
            />
          </section>
        </div>
      )}
    </Dialog>
  );
}

function Id({ id }: { id: string }) {
  return (
    <>
      <code>{id}</code> <Copy text={id} what="the id" />
    </>
  );
}
