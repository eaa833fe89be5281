import { Link } from '@tanstack/react-router';

import { Chip } from '../../ui/Chip';
import { moment } from '../../ui/format';
import type { VirtualColumn } from '../../ui/VirtualTable';
import type { Campaign, Recipient } from '../queries';
import type { RecipientFilter } from '../routes';
import { CHANNEL, DISPOSITION, HOLD, OUTCOME, RECIPIENT, reason, STEP } from '../words';
import { stepsOf } from './chips';
import styles from './One.module.css';

/** The columns of the list of recipients. */
export const columnsOf = (campaign: Campaign, filter: RecipientFilter): VirtualColumn<Recipient>[] => [
  {
    name: 'Number',
    width: 'minmax(9rem, 1fr)',
    cell: ({ id, to }) => (
      <Link
        to="/campaigns/$campaignId/recipients/$recipientId"
        params={{ campaignId: campaign.id, recipientId: id }}
        search={filter}
        data-row
      >
        {to}
      </Link>
    ),
  },
  {
    name: 'Steps',
    width: `minmax(9rem, ${campaign.channels.length > 1 ? 2 : 1}fr)`,
    cell: (recipient) => <Steps campaign={campaign} recipient={recipient} />,
  },
  { name: 'Attempts', width: '4.5rem', isNumber: true, isWide: true, cell: ({ attempts }) => attempts },
  {
    name: 'Last call',
    width: 'minmax(7rem, 1fr)',
    isWide: true,
    cell: ({ lastOutcome }) => (lastOutcome ? OUTCOME[lastOutcome].text : '–'),
  },
  { name: 'Stands', width: 'minmax(12rem, 2fr)', isWide: true, cell: standing },
];

function Steps({ campaign, recipient }: { campaign: Campaign; recipient: Recipient }) {
  return (
    <span className={styles.chips}>
      {stepsOf(campaign.channels, recipient).map(({ channel, state }, index) => {
        const { text, tone } = state === 'BEHIND' ? { text: 'behind', tone: 'plain' as const } : STEP[state];
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a step is its place in the plan
          <Chip key={index} tone={tone} isLive={state === 'IN_PROGRESS'}>
            {campaign.channels.length > 1 && `${CHANNEL[channel]}: `}
            {text}
          </Chip>
        );
      })}
    </span>
  );
}

/** Where somebody stands, in words. */
function standing({ state, disposition, lastReason, hold, dueAt }: Recipient): string {
  if (state === 'DONE') {
    const how = disposition ? DISPOSITION[disposition].text : RECIPIENT.DONE.text;
    return lastReason ? `${how}: ${reason(lastReason)}` : how;
  }
  if (state !== 'PENDING') return RECIPIENT[state].text;
  const when = Date.parse(dueAt) > Date.now() ? `, until ${moment(dueAt)}` : '';
  return `${hold ? HOLD[hold].text : RECIPIENT.PENDING.text}${when}`;
}
