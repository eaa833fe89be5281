import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';

import { api, ask } from '../../api/client';
import type { components } from '../../api/schema';
import { Confirm } from '../../ui/Dialog';
import { Checkbox } from '../../ui/Field';
import type { Campaign } from '../queries';
import { DISPOSITION } from '../words';
import styles from './One.module.css';

type Disposition = components['schemas']['Disposition'];

/** Makes another campaign of those who were not reached. */
export function RetryDialog({ campaign, onClose }: { campaign: Campaign; onClose: () => void }) {
  const navigate = useNavigate();
  const [chosen, setChosen] = useState<readonly Disposition[]>(['EXHAUSTED']);
  const retry = async () => {
    const params = { path: { campaignId: campaign.id } };
    const body = { dispositions: [...chosen] };
    const made = await ask(api.POST('/api/v1/campaigns/{campaignId}/retry', { params, body }));
    await navigate({ to: '/campaigns/$campaignId', params: { campaignId: made.id } });
  };
  return (
    <Confirm title="Try again" confirm="Make the campaign" onConfirm={retry} onClose={onClose}>
      <p>A new campaign with the same settings is made, as a draft, of the recipients that ended like this:</p>
      <div className={styles.ways}>
        {(Object.keys(DISPOSITION) as Disposition[]).map((disposition) => (
          <Checkbox
            key={disposition}
            label={DISPOSITION[disposition].text}
            isChecked={chosen.includes(disposition)}
            onChange={(isOn) => setChosen(isOn ? [...chosen, disposition] : chosen.filter((it) => it !== disposition))}
          />
        ))}
      </div>
    </Confirm>
  );
}
