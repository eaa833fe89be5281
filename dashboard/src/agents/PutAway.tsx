import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';

import { STATUS } from '../campaigns/words';
import { Confirm } from '../ui/Dialog';
import { ErrorNote, Note } from '../ui/Note';
import { Skeleton } from '../ui/Skeleton';
import { toast } from '../ui/toast';
import styles from './PutAway.module.css';
import { type Agent, openCampaignsQuery, putAgentAway } from './queries';

/** Asks before an agent is put away, and says which campaigns still have it. */
export function PutAway({ agent, onClose }: { agent: Agent; onClose: () => void }) {
  const uses = useQuery(openCampaignsQuery(agent.id));
  const navigate = useNavigate();
  const cache = useQueryClient();
  const isUsed = (uses.data?.campaigns.length ?? 0) > 0;
  return (
    <Confirm
      title={`Put ${agent.name} away?`}
      confirm="Put the agent away"
      isDangerous
      why={isUsed ? 'Campaigns that are not over still have it.' : undefined}
      onClose={onClose}
      onConfirm={async () => {
        await putAgentAway(agent.id);
        toast(`${agent.name} is put away`);
        // Whatever was typed meanwhile is of no use any more.
        await navigate({ to: '/agents', ignoreBlocker: true });
        await cache.invalidateQueries({ queryKey: ['agents'] });
      }}
    >
      <div className={styles.body}>
        <p>It is listed no more and makes no calls. Its calls and versions stay.</p>
        <ErrorNote error={uses.error} onRetry={() => uses.refetch()} />
        {uses.isPending && <Skeleton lines={1} />}
        {uses.data && !isUsed && <p>No campaign that is not over has it.</p>}
        {uses.data && isUsed && (
          <Note tone="warn">
            <p>These campaigns still have it. It can be put away once they are over.</p>
            <ul className={styles.uses}>
              {uses.data.campaigns.map(({ id, name, status }) => (
                <li key={id}>
                  <Link to="/campaigns/$campaignId" params={{ campaignId: id }}>
                    {name}
                  </Link>{' '}
                  ({STATUS[status].text.toLowerCase()})
                </li>
              ))}
              {uses.data.hasMore && <li>and more</li>}
            </ul>
          </Note>
        )}
      </div>
    </Confirm>
  );
}
