import { Button } from '../ui/Button';
import { Code } from '../ui/Code';
import { Copy } from '../ui/Copy';
import { Dialog } from '../ui/Dialog';
import { moment } from '../ui/format';
import { Note } from '../ui/Note';
import type { WebhookMade } from './queries';

/** The secret of an endpoint, which nobody is shown a second time. */
export function Secret({
  of: { signingSecret, oldSecretsUntil, style },
  onClose,
}: {
  of: WebhookMade;
  onClose: () => void;
}) {
  return (
    <Dialog
      title="The signing secret"
      onClose={onClose}
      isQuestion
      isOnce
      actions={
        <Button variant="primary" onClick={onClose}>
          I have kept it
        </Button>
      }
    >
      <Note tone="warn">
        It is not shown again. Keep it where your receiver finds it; whoever has it can sign as we do. If it gets lost,
        rotate it.
      </Note>
      <Code text={signingSecret} aside={<Copy text={signingSecret} what="the secret" />} />
      {oldSecretsUntil && <p>The secrets before it sign beside it until {moment(oldSecretsUntil)}.</p>}
      <p>
        {style === 'saaya' ? (
          <>
            Each request carries <code>Saaya-Signature: t=SECONDS,v1=HEX</code>, the HMAC-SHA256 over{' '}
            <code>SECONDS.body</code>.
          </>
        ) : (
          <>
            Each request carries <code>webhook-id</code>, <code>webhook-timestamp</code> and{' '}
            <code>webhook-signature</code>, the HMAC-SHA256 over <code>id.timestamp.body</code> (Standard Webhooks): any
            of its libraries checks it.
          </>
        )}
      </p>
    </Dialog>
  );
}
