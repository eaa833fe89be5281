import { Link } from '@tanstack/react-router';
import { Check } from 'lucide-react';
import type { ReactNode } from 'react';

import { classes } from '../../ui/classes';
import styles from './StepsNav.module.css';
import { STEPS, type StepName } from './steps';

const NAMES: Record<StepName, string> = {
  list: 'List',
  agent: 'Agent',
  channels: 'Channels',
  hours: 'Hours',
  limits: 'Limits',
  check: 'Check and start',
};

/** Where one is among the steps, and the way back. Once the campaign exists, one may go anywhere. */
export function StepsNav({
  now,
  campaignId,
  upload,
}: {
  now: StepName;
  campaignId?: string;
  upload?: string | undefined;
}) {
  const at = STEPS.indexOf(now);
  return (
    <nav aria-label="Steps">
      <ol className={styles.steps}>
        {STEPS.map((step, index) => {
          const content = (
            <>
              <span className={styles.mark} aria-hidden>
                {index < at ? <Check /> : index + 1}
              </span>
              <span className={styles.name}>{NAMES[step]}</span>
              {index < at && <span className="unseen"> (done)</span>}
            </>
          );
          const look = classes(styles.step, index === at && styles.now, index < at && styles.done);
          return (
            <li key={step} aria-current={index === at ? 'step' : undefined}>
              <StepLink step={step} isAhead={index > at} campaignId={campaignId} upload={upload} className={look}>
                {content}
              </StepLink>
            </li>
          );
        })}
      </ol>
    </nav>
  );
}

function StepLink({
  step,
  isAhead,
  campaignId,
  upload,
  className,
  children,
}: {
  step: StepName;
  isAhead: boolean;
  campaignId: string | undefined;
  upload: string | undefined;
  className: string;
  children: ReactNode;
}) {
  if (campaignId !== undefined) {
    // The agent of a campaign is its own for good; its list is shown with the check.
    if (step === 'list' || step === 'agent') return <span className={className}>{children}</span>;
    return (
      <Link to="/campaigns/$campaignId/setup" params={{ campaignId }} search={{ step }} className={className}>
        {children}
      </Link>
    );
  }
  if (isAhead) return <span className={className}>{children}</span>;
  return (
    <Link to="/campaigns/new" search={{ upload, step: step === 'agent' ? 'agent' : 'list' }} className={className}>
      {children}
    </Link>
  );
}
