import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';

import { Note } from '../../ui/Note';
import { toast } from '../../ui/toast';
import { HoursForm } from '../create/HoursForm';
import { LimitsForm } from '../create/LimitsForm';
import { PlanForm } from '../create/PlanForm';
import { campaignQuery } from '../queries';
import styles from './One.module.css';

/** What a campaign is set to; as much of it as may be changed now can be. */
export function SettingsTab() {
  const { campaignId } = useParams({ from: '/shell/campaigns/$campaignId' });
  const campaign = useQuery(campaignQuery(campaignId)).data;
  if (campaign === undefined) return null;
  const onSaved = () => toast('Saved');
  switch (campaign.status) {
    case 'IN_PROGRESS':
      return (
        <div className={styles.stack}>
          <Note>While it calls, its pace can be changed. Pause it to change its steps and hours.</Note>
          <LimitsForm campaign={campaign} save="Save" onSaved={onSaved} />
        </div>
      );
    case 'DRAFT':
    case 'PAUSED':
      return (
        <div className={styles.stack}>
          <LimitsForm campaign={campaign} save="Save limits" onSaved={onSaved} />
          <HoursForm campaign={campaign} save="Save hours" onSaved={onSaved} />
          <PlanForm campaign={campaign} save="Save steps" onSaved={onSaved} />
        </div>
      );
    case 'SCHEDULED':
      return <Note>Take it off the schedule to change it.</Note>;
    default:
      return <Note>It is over, so its settings stay what they were. A clone of it can have others.</Note>;
  }
}
