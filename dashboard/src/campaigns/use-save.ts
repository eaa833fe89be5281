import { useMutation, useQueryClient } from '@tanstack/react-query';

import { api, ask } from '../api/client';
import type { components } from '../api/schema';
import { type Campaign, campaignQuery, preflightQuery } from './queries';

type Changes = components['schemas']['CampaignChanges'];

/** Changes a campaign; what is shown of it is what the server has made of the change. */
export function useSave(campaignId: string, onSaved: (campaign: Campaign) => void) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: Changes) =>
      ask(api.PATCH('/api/v1/campaigns/{campaignId}', { params: { path: { campaignId } }, body })),
    onSuccess: (campaign) => {
      cache.setQueryData(campaignQuery(campaignId).queryKey, campaign);
      void cache.invalidateQueries({ queryKey: preflightQuery(campaignId).queryKey });
      void cache.invalidateQueries({ queryKey: ['campaigns', 'list'] });
      onSaved(campaign);
    },
  });
}
