import { useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';

import { api, ask } from '../../api/client';
import type { components } from '../../api/schema';
import { Confirm } from '../../ui/Dialog';
import { toast } from '../../ui/toast';
import { type Campaign, campaignQuery } from '../queries';
import styles from './One.module.css';

type InFlight = components['schemas']['CampaignInFlight'];

/** Stops new calls; asks what becomes of those that ring or talk. */
export function PauseDialog({ campaign, onClose }: { campaign: Campaign; onClose: () => void }) {
  const cache = useQueryClient();
  const [inFlight, setInFlight] = useState<InFlight>('finish');
  const isScheduled = campaign.status === 'SCHEDULED';
  const pause = async () => {
    const params = { path: { campaignId: campaign.id } };
    const paused = await ask(api.POST('/api/v1/campaigns/{campaignId}/pause', { params, body: { inFlight } }));
    cache.setQueryData(campaignQuery(campaign.id).queryKey, paused);
    toast(isScheduled ? 'The campaign is a draft again' : 'Paused: no new call begins');
  };
  return (
    <Confirm
      title={isScheduled ? 'Take it off the schedule?' : 'Pause the campaign?'}
      confirm={isScheduled ? 'Unschedule' : 'Pause'}
      onConfirm={pause}
      onClose={onClose}
    >
      {isScheduled ? 'It becomes a draft again.' : <LiveCalls inFlight={inFlight} onChange={setInFlight} />}
    </Confirm>
  );
}

/** Ends a campaign for good. */
export function CancelDialog({ campaign, onClose }: { campaign: Campaign; onClose: () => void }) {
  const cache = useQueryClient();
  const [inFlight, setInFlight] = useState<InFlight>('finish');
  const cancel = async () => {
    const params = { path: { campaignId: campaign.id } };
    const cancelled = await ask(api.POST('/api/v1/campaigns/{campaignId}/cancel', { params, body: { inFlight } }));
    cache.setQueryData(campaignQuery(campaign.id).queryKey, cancelled);
    toast('Campaign cancelled');
  };
  return (
    <Confirm
      title="Cancel the campaign?"
      confirm="Cancel the campaign"
      isDangerous
      onConfirm={cancel}
      onClose={onClose}
    >
      <p>Whoever has not been reached is not called any more. This cannot be taken back; pausing can.</p>
      {campaign.status === 'IN_PROGRESS' && <LiveCalls inFlight={inFlight} onChange={setInFlight} />}
    </Confirm>
  );
}

function LiveCalls({ inFlight, onChange }: { inFlight: InFlight; onChange: (inFlight: InFlight) => void }) {
  const id = useId();
  const ways: readonly (readonly [InFlight, string, string])[] = [
    ['finish', 'Let them end', 'What rings or talks now ends by itself.'],
    ['hangup', 'Hang up', 'Within two seconds. It uses up nobody’s attempt who had not picked up.'],
  ];
  return (
    <fieldset className={styles.ways}>
      <legend>Calls that ring or talk now</legend>
      {ways.map(([way, name, meaning]) => (
        <label key={way}>
          <input type="radio" name={id} value={way} checked={inFlight === way} onChange={() => onChange(way)} />
          <span>
            {name}
            <span className={styles.meaning}>{meaning}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
