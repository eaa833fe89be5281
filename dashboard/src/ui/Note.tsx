import { CircleAlert, CircleCheck, Info, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';

import { asProblem } from '../api/problem';
import { Button } from './Button';
import type { Tone } from './Chip';
import { classes } from './classes';
import { useFieldAtFault } from './FieldErrors';
import { sentence } from './format';
import styles from './Note.module.css';

const ICONS = { plain: Info, info: Info, accent: Info, good: CircleCheck, warn: TriangleAlert, bad: CircleAlert };

/** Some sentences beside what they are about. */
export function Note({
  tone = 'plain',
  children,
  action,
  isAlert,
}: {
  tone?: Tone;
  children: ReactNode;
  action?: ReactNode;
  /** Read out at once, since somebody waits for it. */
  isAlert?: boolean;
}) {
  const Icon = ICONS[tone];
  return (
    <div className={classes(styles.note, styles[tone])} role={isAlert ? 'alert' : undefined}>
      <Icon aria-hidden />
      <div className={styles.text}>{children}</div>
      {action && <div>{action}</div>}
    </div>
  );
}

/** What went wrong, in the API's words, beside what caused it. Nothing where nothing did. */
export function ErrorNote({ error, onRetry }: { error: unknown; onRetry?: (() => void) | undefined }) {
  const atField = useFieldAtFault(error);
  if (!error) return null;
  const problem = asProblem(error);
  const isOurFault = problem.status >= 500 && problem.status !== 503;
  return (
    <Note tone="bad" isAlert action={onRetry && <Button onClick={onRetry}>Try again</Button>}>
      {sentence(atField ?? problem.message)}
      {isOurFault && problem.requestId && (
        <p className={styles.small}>
          The server's log has it under <code>{problem.requestId}</code>.
        </p>
      )}
    </Note>
  );
}
